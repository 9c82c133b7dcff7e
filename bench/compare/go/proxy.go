// Passes each connection on to another address, both ways.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"
)

const patience = 5 * time.Second

func main() {
	address, target := os.Args[1], os.Args[2]
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			if err := carry(client.(*net.TCPConn), target); err != nil {
				log.Print(err)
			}
		}()
	}
}

func carry(client *net.TCPConn, target string) error {
	defer client.Close()
	conn, err := net.DialTimeout("tcp", target, patience)
	if err != nil {
		return err
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	there := make(chan error)
	go func() { there <- copyTo(server, client) }()
	back := copyTo(client, server)
	if err := <-there; err != nil {
		return err
	}
	return back
}

// Passes on the end of the stream. An error ends both directions.
func copyTo(to, from *net.TCPConn) error {
	if _, err := io.Copy(to, from); err != nil {
		from.Close()
		to.Close()
		return err
	}
	return to.CloseWrite()
}
