package server

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"
)

// The list is made once while there are no new tokens.
func TestTokenListIsShared(t *testing.T) {
	made := 0
	count := 300
	names := func() (list []string) {
		made++
		for i := range count {
			list = append(list, fmt.Sprintf("NSE:%03d", count-i))
		}
		return list
	}
	var l tokenList
	first, packed := l.of(count, names)
	again, _ := l.of(count, names)
	if made != 1 || &first[0] != &again[0] || len(packed) == 0 || len(packed) >= len(first) {
		t.Errorf("made %d times, %d bytes, %d packed", made, len(first), len(packed))
	}
	if !bytes.HasPrefix(first, []byte(`{"count":300,"tokens":["NSE:001","NSE:002"`)) {
		t.Errorf("%.60s", first)
	}
	count++
	if more, _ := l.of(count, names); made != 2 || !bytes.Contains(more, []byte("NSE:301")) {
		t.Errorf("a new token: made %d times", made)
	}
	var empty tokenList
	if body, packed := empty.of(0, func() []string { return nil }); packed != nil ||
		string(body) != `{"count":0,"tokens":[]}` {
		t.Errorf("none: %s", body)
	}
}

// Who asks and never reads is gone after the write timeout.
func TestAnswerNotRead(t *testing.T) {
	s := start(t, func(c *Config) { c.timeouts.write = 200 * time.Millisecond })
	bearer := s.account("ana")
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	request := "GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + bearer + "\r\n\r\n"
	stuck := false
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	for range 20_000 { // until no more is taken, or the connection is closed
		if _, err := c.Write([]byte(request)); err != nil {
			stuck = true
			break
		}
	}
	if !stuck {
		t.Error("the server took requests without end")
	}
	eventually(t, "the connection is closed", func() bool {
		_, err := c.Write([]byte("GET"))
		return err != nil && !isTimeout(err)
	})
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}
