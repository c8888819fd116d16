package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBudgetRefusesStreams(t *testing.T) {
	b := newBudget(fdReserve+8+2*fdPerLoop, 2, func() int { return 6 }, &pressure{})
	if b.connsMax != 8 || b.streamsMax != 7 {
		t.Fatalf("%+v", b)
	}
	if !b.open() || b.open() {
		t.Error("not exactly one more stream")
	}
	b.opened()
	if !b.open() {
		t.Error("no stream after one ended")
	}
	if !b.enter() || !b.enter() || b.enter() {
		t.Error("not exactly two more connections")
	}
}

func TestFullServerAnswers503(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &budget{connsMax: 1, streams: func() int { return 0 }}
	srv := &http.Server{Handler: http.NotFoundHandler()}
	defer srv.Close()
	go func() { _ = srv.Serve(listener{TCPListener: ln.(*net.TCPListener), budget: b}) }()
	first, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is counted", func() bool { return b.conns.Load() == 1 })
	second, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_ = second.SetDeadline(time.Now().Add(10 * time.Second))
	p, _ := io.ReadAll(second)
	if !strings.HasPrefix(string(p), "HTTP/1.1 503 ") ||
		!strings.Contains(string(p), "\r\nRetry-After: ") ||
		!strings.HasSuffix(string(p), `{"detail":"Too many connections"}`) {
		t.Errorf("%q", p)
	}
	first.Close()
	eventually(t, "there is room again", func() bool { return b.conns.Load() == 0 })
}

// One address that holds as many as it may is refused, and counted as that.
func TestFullAddress(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &budget{connsMax: 1000, streams: func() int { return 0 }}
	own := &peers{crowd: newCrowd(1)}
	srv := &http.Server{Handler: http.NotFoundHandler()}
	defer srv.Close()
	go func() { _ = srv.Serve(listener{ln.(*net.TCPListener), b, nil, own}) }()
	for range addressMin + 2 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	eventually(t, "all were looked at", func() bool {
		return b.conns.Load() == addressMin && b.refused[addressIsFull].Load() == 2
	})
	if b.refusals() != 2 {
		t.Errorf("%d refused", b.refusals())
	}
}

// Who comes with TLS to a full server gets no words in clear text.
func TestFullServerClosesTLS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &budget{streams: func() int { return 0 }}
	srv := &http.Server{Handler: http.NotFoundHandler()}
	defer srv.Close()
	go func() {
		_ = srv.Serve(listener{TCPListener: ln.(*net.TCPListener), budget: b, tls: &tls.Config{}})
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if p, err := io.ReadAll(c); len(p) > 0 || err != nil || b.refusals() != 1 ||
		b.refused[noDescriptor].Load() != 1 {
		t.Errorf("%q, %v, %d refused", p, err, b.refusals())
	}
}
