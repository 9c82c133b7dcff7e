// An echo server in the usual way of Go: it has a goroutine for each connection. Usage: echo NET PATH BUFFER
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

func main() {
	buffer, err := strconv.Atoi(os.Args[3])
	check(err)
	switch os.Args[1] {
	case "tcp":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(listener.Addr())
		serve(listener, buffer)
	case "unix":
		listener, err := net.Listen("unix", os.Args[2])
		check(err)
		fmt.Println(os.Args[2])
		serve(listener, buffer)
	case "udp":
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		check(err)
		fmt.Println(conn.LocalAddr())
		buf := make([]byte, 4096)
		for {
			n, peer, err := conn.ReadFromUDPAddrPort(buf)
			check(err)
			_, err = conn.WriteToUDPAddrPort(buf[:n], peer)
			check(err)
		}
	}
}

func serve(listener net.Listener, buffer int) {
	for {
		conn, err := listener.Accept()
		check(err)
		go func() {
			defer conn.Close()
			buf := make([]byte, buffer)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				if _, err := conn.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
