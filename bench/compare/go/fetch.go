// Prints a page of a web server, within a time limit.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const limit = 1 << 20

func main() {
	millis, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	deadline := time.Now().Add(time.Duration(millis) * time.Millisecond)
	body, err := fetch(os.Args[1], os.Args[2], deadline)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(body)
}

func fetch(address, path string, deadline time.Time) (string, error) {
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(deadline)
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, limit))
	if err != nil {
		return "", err
	}
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	if !strings.Contains(head, " 200 ") {
		return "", errors.New("not found")
	}
	return body, nil
}
