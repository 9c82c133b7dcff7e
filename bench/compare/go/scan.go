// Finds the open ports of a host.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	atOnce   = 500
	patience = time.Second
)

func main() {
	first, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	last, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	for _, port := range scan(os.Args[1], first, last) {
		fmt.Println(port)
	}
}

func scan(host string, first, last int) []int {
	var (
		limit = make(chan struct{}, atOnce)
		all   sync.WaitGroup
		mutex sync.Mutex
		open  []int
	)
	for port := first; port <= last; port++ {
		limit <- struct{}{}
		all.Add(1)
		go func(port int) {
			defer all.Done()
			if probe(host, port) == nil {
				mutex.Lock()
				open = append(open, port)
				mutex.Unlock()
			}
			<-limit
		}(port)
	}
	all.Wait()
	sort.Ints(open)
	return open
}

func probe(host string, port int) error {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	return conn.Close()
}
