package feed

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// One plain sentence, whatever library the error went through.
func TestCauses(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: &os.SyscallError{
		Syscall: "connect", Err: syscall.ECONNREFUSED}}
	for want, err := range map[string]error{
		"connection refused": refused,
		"host name nowhere.invalid: no such host": &net.OpError{Op: "dial",
			Err: &net.DNSError{Name: "nowhere.invalid", Err: "no such host", Server: "1.2.3.4:53"}},
		"the other side hung up": fmt.Errorf("zmq4: could not initialize ZMTP connection: %w",
			fmt.Errorf("zmq4: could not exchange greetings: %w", io.EOF)),
		"no answer in time": fmt.Errorf("zmq4: x: %w", os.ErrDeadlineExceeded),
		"bad greeting":      fmt.Errorf("zmq4: x: %w", errors.New("zmq4: bad greeting")),
	} {
		if got := causeOf(err).Error(); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// What a subscriber says of an endpoint where nobody or somebody else is.
func TestSubscriberSaysWhy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"+strings.Repeat("x", 100))
			c.Close()
		}
	}()
	s := NewSubscriber("tcp://"+ln.Addr().String(), nil, SubscriberOptions{
		HandshakeTimeout: time.Second})
	told := s.session(t.Context(), "tcp", ln.Addr().String()).Error()
	if strings.Contains(told, "zmq4") || strings.Count(told, "handshake") != 1 {
		t.Errorf("no ZMTP: %q", told)
	}
	ln.Close()
	told = s.session(t.Context(), "tcp", ln.Addr().String()).Error()
	if told != "connect: connection refused" {
		t.Errorf("nobody there: %q", told)
	}
}
