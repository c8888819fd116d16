package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// A gathering is a connection that keeps what is written until it is sent.
type gathering struct {
	net.Conn
	on  bool
	out []byte
}

func (g *gathering) Write(p []byte) (int, error) {
	if !g.on {
		return g.Conn.Write(p)
	}
	g.out = append(g.out, p...)
	return len(p), nil
}

// send sends what was gathered, but for the last cut bytes, and gathers on.
func (g *gathering) send(cut int) error {
	n := len(g.out) - cut
	_, err := g.Conn.Write(g.out[:n])
	g.out = append([]byte(nil), g.out[n:]...)
	return err
}

// gatherTLS has done its handshake with a server, and gathers from then on.
func gatherTLS(t *testing.T, s *running, trust *tls.Config) (*tls.Conn, *gathering) {
	t.Helper()
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	g := &gathering{Conn: c}
	trust = trust.Clone()
	trust.ServerName, trust.DynamicRecordSizingDisabled = "127.0.0.1", true
	inside := tls.Client(g, trust)
	if err := inside.Handshake(); err != nil {
		t.Fatal(err)
	}
	g.on = true
	return inside, g
}

// wireTLS opens a stream on a gathered connection, with more sent in the same write.
func wireTLS(t *testing.T, s *running, trust *tls.Config, bearer, pad string, more []byte) (*wire, *gathering) {
	t.Helper()
	inside, g := gatherTLS(t, s, trust)
	head := upgradeText("/api/v1/stream", "+Authorization: Bearer "+bearer, "+X-Pad: "+pad)
	_, _ = io.WriteString(inside, head)
	if len(more) > 0 {
		_, _ = inside.Write(more)
	}
	if err := g.send(0); err != nil {
		t.Fatal(err)
	}
	w := &wire{inside, bufio.NewReader(inside)}
	for {
		l, err := w.rd.ReadString('\n')
		if err != nil || strings.HasPrefix(l, "HTTP/1.1") && !strings.Contains(l, " 101 ") {
			t.Fatalf("not upgraded: %q %v", l, err)
		}
		if l == "\r\n" {
			return w, g
		}
	}
}

// A request that comes with the handshake is served, wherever in crypto/tls it lies then.
func TestRequestWithTheHandshakeUnderTLS(t *testing.T) {
	s, trust := startTLS(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := s.accountTLS(trust, "ann")
	for pad := 0; pad < 800; pad += 100 {
		w, _ := wireTLS(t, s, trust, bearer, strings.Repeat("a", pad), wireFrame(fin|opText, "foo|A"))
		_ = w.SetDeadline(time.Now().Add(3 * time.Second))
		if got, err := w.hear(); got != "text Unknown action: foo" {
			t.Errorf("%d: %q %v", pad, got, err)
		}
	}
}

// A record is held to the time of a request: who begins one and never ends it would
// otherwise have 16 KiB for nothing, for ever.
func TestTornRecord(t *testing.T) {
	s, trust := startTLS(t, func(c *Config) { c.RequestWithin = time.Second })
	bearer := s.accountTLS(trust, "ann")
	w, g := wireTLS(t, s, trust, bearer, "", nil)
	slow, late := wireTLS(t, s, trust, bearer, "", nil)
	for _, x := range []*wire{w, slow} {
		_, _ = x.Write(bytes.Repeat(wireFrame(fin|opPong, ""), 2000))
	}
	if err := late.send(100); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := late.send(0); err != nil {
		t.Fatal(err)
	}
	if err := g.send(100); err != nil {
		t.Fatal(err)
	}
	if got, err := w.hear(); got != "close 1008" {
		t.Errorf("%q %v", got, err)
	}
	_, _ = slow.Write(wireFrame(fin|opText, "foo|A"))
	if err := late.send(0); err != nil {
		t.Fatal(err)
	}
	if got, err := slow.hear(); got != "text Unknown action: foo" {
		t.Errorf("the slow one: %q %v", got, err)
	}
}

// The buffer that crypto/tls grows for a long record does not stay with the stream, and
// goes only between records.
func TestLongRecordLeavesNothing(t *testing.T) {
	if !slack.known {
		t.Fatal("this Go's tls.Conn has no such fields: streams keep up to 17 KiB each")
	}
	cert, key, pool := writeCertificate(t, t.TempDir(), 1)
	c, err := openCertificate(cert, key, testLogger(&syncBuffer{}))
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	s, g := newTLSSession(here, c.config()), &gathering{Conn: there}
	client := tls.Client(g, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1",
		DynamicRecordSizingDisabled: true})
	go func() { _ = client.Handshake() }()
	if err := s.c.Handshake(); err != nil {
		t.Fatal(err)
	}
	for !client.ConnectionState().HandshakeComplete {
		time.Sleep(time.Millisecond)
	}
	s.w.Conn, g.on = nil, true
	for _, size := range []int{1, 15 << 10, 100, 70 << 10, 1} {
		want := bytes.Repeat([]byte("x"), size)
		if _, err := client.Write(want); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for p := g.out; len(p) > 0; p = p[min(len(p), 4096):] {
			if got, _, err = s.Open(got, p[:min(len(p), 4096)]); err != nil {
				t.Fatal(err)
			}
		}
		g.out = nil
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d came", len(got), size)
		}
		raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(s.c), slack.raw))
		if raw.Cap() > tlsKeptBytes || s.Held() != 0 {
			t.Errorf("after %d bytes: %d stay, %d are held", size, raw.Cap(), s.Held())
		}
	}
}

func TestSlackOfAnotherGo(t *testing.T) {
	for _, other := range []any{struct{}{}, struct{ rawInput []byte }{},
		struct {
			rawInput bytes.Buffer
			input    bytes.Buffer
		}{}} {
		s := findSlack(reflect.TypeOf(other))
		if s.known {
			t.Errorf("%T is taken for a tls.Conn", other)
		}
		s.release(nil, 0) // does nothing
	}
}

// tornOf is the naive twin of recordScan.
func tornOf(p []byte) int {
	for len(p) >= recordHeadBytes {
		n := recordHeadBytes + int(p[3])<<8 + int(p[4])
		if len(p) < n {
			break
		}
		p = p[n:]
	}
	return len(p)
}

func FuzzRecordScan(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x03abc\x17\x03\x03\x00\x00\x17\x03\x03\x01"), uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		var s recordScan
		for at := 0; at < len(p); {
			n := min(int(step)%7+1, len(p)-at)
			s.watch(p[at : at+n])
			at += n
			if got, want := s.held(), tornOf(p[:at]); got != want {
				t.Fatalf("%d of % x: %d held, want %d", at, p, got, want)
			}
		}
	})
}
