// Measures what Go's goroutines cost. Usage: micro TASK COUNT. Prints the sum over all, in nanoseconds or bytes.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	switch os.Args[1] {
	case "spawn-all":
		var nanos int64
		for round := 0; round < 2; round++ {
			start := time.Now()
			results := make([]chan int, count)
			for i := range results {
				results[i] = make(chan int, 1)
				go func(i int) { results[i] <- i }(i)
			}
			for i, result := range results {
				if <-result != i {
					panic("wrong result")
				}
			}
			nanos = time.Since(start).Nanoseconds()
		}
		fmt.Println(nanos)
	case "spawn-one":
		start := time.Now()
		for i := 0; i < count; i++ {
			result := make(chan int, 1)
			go func() { result <- i }()
			if <-result != i {
				panic("wrong result")
			}
		}
		fmt.Println(time.Since(start).Nanoseconds())
	case "switch":
		start := time.Now()
		done := make(chan bool)
		go func() {
			for i := 0; i < count/2; i++ {
				runtime.Gosched()
			}
			done <- true
		}()
		for i := 0; i < count/2; i++ {
			runtime.Gosched()
		}
		<-done
		fmt.Println(time.Since(start).Nanoseconds())
	case "timers":
		start := time.Now()
		before := cpu()
		var all sync.WaitGroup
		all.Add(count)
		for i := 0; i < count; i++ {
			go func(i int) {
				at := start.Add(time.Duration(200000+i*7919%500000) * time.Microsecond)
				time.Sleep(time.Until(at))
				all.Done()
			}(i)
		}
		all.Wait()
		fmt.Println(cpu() - before)
	case "parked":
		before := resident()
		wait := make(chan bool)
		var all sync.WaitGroup
		all.Add(count)
		for i := 0; i < count; i++ {
			go func() { all.Done(); <-wait }()
		}
		all.Wait()
		fmt.Println(resident() - before)
	}
}

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func resident() int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); fields[0] == "VmRSS:" {
			kb, _ := strconv.ParseInt(fields[1], 10, 64)
			return kb * 1024
		}
	}
	panic("no VmRSS")
}
