package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const testTimeout = 10 * time.Second

// A rawClient speaks WebSocket by itself, so that no library's leniency hides a
// fault of a peer.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	rd   *bufio.Reader
	text strings.Builder // nats: of the protocol, not parsed yet
}

func dialRaw(t *testing.T, addr, path string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return upgradeRaw(t, conn, path)
}

func upgradeRaw(t *testing.T, conn net.Conn, path string) *rawClient {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(testTimeout))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Authorization: Bearer any\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path)
	rd := bufio.NewReader(conn)
	res, err := http.ReadResponse(rd, nil)
	if err != nil {
		t.Fatal(err)
	}
	const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // RFC 6455 §1.3
	if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != accept {
		t.Fatalf("handshake: %s, accept %q", res.Status, res.Header.Get("Sec-WebSocket-Accept"))
	}
	return &rawClient{t: t, conn: conn, rd: rd}
}

// send sends one masked frame.
func (c *rawClient) send(op byte, p string) {
	c.t.Helper()
	b := []byte{0x80 | op}
	if len(p) < 126 {
		b = append(b, 0x80|byte(len(p)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(p)))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(p) {
		b = append(b, p[i]^mask[i&3])
	}
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame reads the next frame: whole, unmasked, of the opcode wanted.
func (c *rawClient) frame(op byte) string {
	c.t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(c.rd, head[:2]); err != nil {
		c.t.Fatal(err)
	}
	if head[0] != 0x80|op {
		c.t.Fatalf("a frame begins with %#x, want %#x", head[0], 0x80|op)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		io.ReadFull(c.rd, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		io.ReadFull(c.rd, head[:8])
		n = binary.BigEndian.Uint64(head[:])
	}
	if n > 1<<20 {
		c.t.Fatalf("a frame of %d bytes", n)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c.rd, p); err != nil {
		c.t.Fatal(err)
	}
	return string(p)
}

// silent fails if anything comes within a while.
func (c *rawClient) silent() {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if p, err := c.rd.Peek(1); err == nil {
		c.t.Fatalf("nothing was due, %#x came", p)
	}
	c.conn.SetDeadline(time.Now().Add(testTimeout))
}

// line reads a line of the NATS protocol, and n bytes.
func (c *rawClient) natsLine() string {
	c.t.Helper()
	for {
		s := c.text.String()
		if line, rest, ok := strings.Cut(s, "\r\n"); ok {
			c.text.Reset()
			c.text.WriteString(rest)
			return line
		}
		c.text.WriteString(c.frame(2))
	}
}

// open subscribes to tokens in the peer's dialect; ticks may come after it.
func open(t *testing.T, addr string, d dialect, tokens ...string) *rawClient {
	t.Helper()
	switch d {
	case dialectURL:
		return dialRaw(t, addr, "/sub/"+strings.Join(tokens, ","))
	case dialectNATS:
		c := dialRaw(t, addr, "/")
		if l := c.natsLine(); !strings.HasPrefix(l, "INFO {") {
			t.Fatalf("nats-server greets with %q", l)
		}
		s := `CONNECT {"verbose":false}` + "\r\n"
		for i, token := range tokens {
			s += fmt.Sprintf("SUB %s %d\r\n", token, i+1)
		}
		c.send(2, s+"PING\r\n")
		for c.natsLine() != "PONG" {
		}
		return c
	default:
		c := dialRaw(t, addr, "/api/trigger/ws/any")
		c.subscribe(tokens...)
		return c
	}
}

// subscribe does so in the text dialect.
func (c *rawClient) subscribe(tokens ...string) {
	c.t.Helper()
	c.send(1, "subscribe|"+strings.Join(tokens, ","))
	want := "Subscribed to tokens: " + strings.Join(tokens, ", ")
	if got := c.frame(1); got != want {
		c.t.Fatalf("answer %q, want %q", got, want)
	}
}

// tick reads the next tick's JSON.
func (c *rawClient) tick(d dialect) string {
	c.t.Helper()
	if d != dialectNATS {
		return c.frame(1)
	}
	for {
		switch l := c.natsLine(); {
		case l == "PING":
			c.send(2, "PONG\r\n")
		case strings.HasPrefix(l, "MSG "):
			return c.natsLine()
		}
	}
}
