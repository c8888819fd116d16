package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/client"
)

// A cutter is a proxy whose connections can be cut without a word.
type cutter struct {
	ln net.Listener
	to string
	wg sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newCutter(t *testing.T, to string) *cutter {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &cutter{ln: ln, to: to}
	x.wg.Go(x.serve)
	t.Cleanup(func() { ln.Close(); x.cut(); x.wg.Wait() })
	return x
}

func (x *cutter) serve() {
	for {
		in, err := x.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", x.to)
		if err != nil {
			in.Close()
			continue
		}
		x.mu.Lock()
		x.conns = append(x.conns, in, out)
		x.mu.Unlock()
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			x.wg.Go(func() {
				io.Copy(pair[0], pair[1])
				pair[0].Close()
			})
		}
	}
}

func (x *cutter) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close()
	}
	x.conns = nil
}

// Cut again and again, a stream misses no tick and has none twice.
func TestClientCutAgainstServer(t *testing.T) {
	t.Parallel()
	out, errs, _ := startDemo(t, demoOn(t))
	url := awaitOutput(t, out, errs, `running: (\S+),`)[1]
	auth, err := client.NewAuth(url)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	cred, err := auth.Register(t.Context(), "zoe", "a good password")
	if err != nil {
		t.Fatal(err)
	}
	proxy := newCutter(t, strings.TrimPrefix(url, "http://"))
	for _, d := range []client.Dialect{client.JSON, client.Binary} {
		s, err := client.OpenStream(t.Context(), client.StreamOptions{
			Server: "http://" + proxy.ln.Addr().String(), Bearer: client.Fixed(cred.Bearer),
			Dialect: d, Beat: 500 * time.Millisecond, BackoffMin: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if err := s.Subscribe(t.Context(), "NSE:1", "NSE:2"); err != nil {
			t.Fatal(err)
		}
		w := &typedWatcher{t: t, s: s, next: map[string]uint64{}}
		const cuts uint64 = 4
		for n := range cuts {
			for i := 0; i < 37 || s.Stats().Connects <= n; i++ { // never the same one twice
				if x := w.tick(); x.Gap != nil || x.Skipped+x.Missed > 0 {
					t.Fatalf("%s: %+v", d, x)
				}
			}
			proxy.cut()
		}
		for s.Stats().Connects <= cuts || s.Complete().State != client.Complete {
			w.tick()
		}
		if p := s.Complete(); p.Lost+p.Doubled+p.Gapped+p.Skipped > 0 {
			t.Errorf("%s: %+v", d, p)
		}
		s.Close()
	}
}

// While there is no connection a table's header says that, and nothing of the feed.
func TestClientTableHeaderInOutage(t *testing.T) {
	out, errs, _ := startDemo(t, demoOn(t))
	url := awaitOutput(t, out, errs, `running: (\S+),`)[1]
	auth, err := client.NewAuth(url)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	cred, err := auth.Register(t.Context(), "zoe", "a good password")
	if err != nil {
		t.Fatal(err)
	}
	proxy := newCutter(t, strings.TrimPrefix(url, "http://"))
	s, err := client.OpenStream(t.Context(), client.StreamOptions{
		Server: "http://" + proxy.ln.Addr().String(), Bearer: client.Fixed(cred.Bearer),
		Dialect: client.JSON, Beat: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Subscribe(t.Context(), "NSE:1"); err != nil {
		t.Fatal(err)
	}
	tl := &teller{s: s}
	awaitHeader(t, tl, "feed live   complete at ")
	proxy.ln.Close()
	proxy.cut()
	awaitHeader(t, tl, "not connected since ")
}

func awaitHeader(t *testing.T, tl *teller, want string) {
	t.Helper()
	end := time.Now().Add(5 * time.Second)
	for !strings.HasPrefix(tl.header(time.Now()), want) {
		if time.Now().After(end) {
			t.Fatalf("header %q", tl.header(time.Now()))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
