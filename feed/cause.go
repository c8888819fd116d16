package feed

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
)

// causeOf is what lies at the bottom of an error of package net or zmq4, which
// wrap it in the same words several times over.
func causeOf(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return errors.New("host name " + dns.Name + ": " + dns.Err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer in time")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the other side hung up")
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	if text, ok := strings.CutPrefix(err.Error(), "zmq4: "); ok {
		return errors.New(text)
	}
	return err
}
