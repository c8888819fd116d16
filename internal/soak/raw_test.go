package soak

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	opText  = 1
	opClose = 8
)

// A raw is a stream without a client: frames as they are (RFC 6455).
type raw struct {
	nc *net.TCPConn
	br *bufio.Reader
}

// A dialer is dial or dialSlow.
type dialer func(addr string) (*net.TCPConn, error)

// dialRaw opens a stream by an account's bearer.
func (w *world) dialRaw(by dialer, account, dialect string) (*raw, int, error) {
	bearer, err := w.accounts[account].Bearer(w.life)
	if err != nil {
		return nil, 0, err
	}
	header := "Authorization: Bearer " + bearer + "\r\n"
	if dialect != "" {
		header += "Sec-WebSocket-Protocol: " + dialect + "\r\n"
	}
	return w.upgrade(by, "/api/v1/stream", header)
}

// upgrade asks for a stream and gives the status of the answer.
func (w *world) upgrade(by dialer, path, header string) (*raw, int, error) {
	nc, err := by(w.listen)
	if err != nil {
		return nil, 0, err
	}
	r := &raw{nc: nc, br: bufio.NewReader(nc)}
	nc.SetDeadline(time.Now().Add(answerTimeout))
	_, err = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: "+w.listen+"\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+header+"\r\n")
	if err != nil {
		nc.Close()
		return nil, 0, err
	}
	resp, err := http.ReadResponse(r.br, nil)
	if err != nil {
		nc.Close()
		return nil, 0, err
	}
	return r, resp.StatusCode, nil
}

// send writes a text frame, masked by zeroes.
func (r *raw) send(text string) error {
	p := []byte{0x80 | opText, 0x80 | byte(len(text)), 0, 0, 0, 0}
	if n := len(text); n > 125 {
		p = binary.BigEndian.AppendUint16([]byte{0x80 | opText, 0x80 | 126}, uint16(n))
		p = append(p, 0, 0, 0, 0)
	}
	_, err := r.nc.Write(append(p, text...))
	return err
}

// next reads a frame.
func (r *raw) next() (op byte, payload []byte, err error) {
	r.nc.SetReadDeadline(time.Now().Add(answerTimeout))
	var head [2]byte
	if _, err = io.ReadFull(r.br, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(r.br, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(r.br, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r.br, payload)
	return head[0] & 15, payload, err
}

// closed reads up to the close frame and gives its code and reason.
func (r *raw) closed() (code int, reason string, err error) {
	for {
		op, p, err := r.next()
		if err != nil {
			return 0, "", err
		}
		if op == opClose && len(p) >= 2 {
			return int(binary.BigEndian.Uint16(p)), string(p[2:]), nil
		}
	}
}

// first reads up to the first text that begins so.
func (r *raw) first(prefix string) error {
	for range 10_000 {
		op, p, err := r.next()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", prefix, err)
		}
		if op == opText && strings.HasPrefix(string(p), prefix) {
			return nil
		}
	}
	return fmt.Errorf("no %q", prefix)
}
