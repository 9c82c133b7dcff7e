// A room: each line of a client goes to all clients. The first line of a client is its name.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"sync"
)

// The longest line in bytes, and how many lines a slow client may be behind.
const (
	lineLimit = 1024
	behind    = 256
)

type room struct {
	mutex   sync.Mutex
	clients map[chan string]struct{}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	room := &room{clients: make(map[chan string]struct{})}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go room.client(conn)
	}
}

func (r *room) client(conn net.Conn) {
	defer conn.Close()
	said := bufio.NewScanner(conn)
	said.Buffer(make([]byte, 0, lineLimit), lineLimit)
	if !said.Scan() {
		return
	}
	name := said.Text()
	heard := make(chan string, behind)
	r.mutex.Lock()
	r.clients[heard] = struct{}{}
	r.mutex.Unlock()
	go func() {
		for line := range heard {
			// After an error the reader ends too.
			if _, err := conn.Write([]byte(line + "\n")); err != nil {
				return
			}
		}
	}()
	r.tell("* " + name + " joined")
	for said.Scan() {
		r.tell(name + ": " + said.Text())
	}
	r.mutex.Lock()
	delete(r.clients, heard)
	close(heard)
	r.mutex.Unlock()
	r.tell("* " + name + " left")
}

func (r *room) tell(line string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for heard := range r.clients {
		select {
		case heard <- line:
		default:
		}
	}
}
