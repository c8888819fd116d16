package bench

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// A badServer answers every subscribe with the same frames, whatever was asked for.
func badServer(t *testing.T, frames ...[]byte) string {
	return fakeServer(t, func([]byte) [][]byte { return frames })
}

// A fakeServer speaks whatever subprotocol it is asked for, and answers as it is told to.
func fakeServer(t *testing.T, answer func(request []byte) [][]byte) string {
	t.Helper()
	up := ws.Upgrader{Protocol: func([]byte) bool { return true }}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if _, err := up.Upgrade(conn); err != nil {
					return
				}
				for {
					request, err := wsutil.ReadClientText(conn)
					if err != nil {
						return
					}
					for _, f := range answer(request) {
						_, _ = conn.Write(f) // a client that has gone shows at the next read
					}
				}
			})
		}
	})
	return ln.Addr().String()
}

// talk runs a swarm in this process and gives it commands.
func talk(t *testing.T) func(c swarmCommand) swarmResult {
	t.Helper()
	commands, in := io.Pipe()
	out, results := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- RunSwarm(t.Context(), commands, results) }()
	t.Cleanup(func() {
		in.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	enc, dec := json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))
	return func(c swarmCommand) (r swarmResult) {
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func textFrame(p []byte) []byte { return ws.MustCompileFrame(ws.NewTextFrame(p)) }

// A swarm sees what is wrong with a server, over real sockets.
func TestSwarmSeesFaults(t *testing.T) {
	one := func(token, n uint32) []byte {
		return textFrame(appendTick(nil, tick{token, n, 5}, 20_000))
	}
	addr := badServer(t, textFrame([]byte("Subscribed to tokens: NSE:100000")),
		one(0, 1), one(0, 2), one(0, 2), one(0, 7), one(0, 6), one(3, 1), textFrame([]byte("what?")),
		ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1011, "broken"))))
	ask := talk(t)
	setup := swarmLoad{Load: load{Universe: 1, Tokens: 1}, Addr: addr, Dialect: dialectText,
		Source: 1, Epoch: monotonic()}
	const clients = 70 // more than are opened at a time
	if r := ask(swarmCommand{Do: doOpen, Setup: &setup, Clients: clients}); r.Error != "" {
		t.Fatal(r.Error)
	}
	var tally *Tally
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		tally = ask(swarmCommand{Do: doEnd}).Tally
		if tally.Faults.Closed == clients {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	f := tally.Faults
	if f.Foreign != clients || f.Doubled != clients || f.Order != clients || f.Missing != 4*clients ||
		f.Odd != clients || f.Closed != clients {
		t.Errorf("%+v", f)
	}
	if tally.Frames != 6*clients || f.First != "tick 2 of NSE:100000 came after 2" {
		t.Errorf("%+v", tally)
	}
}

// What keeps streams from being opened is said.
func TestSwarmRefused(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ask := talk(t)
	if r := ask(swarmCommand{Do: doBegin}); !strings.Contains(r.Error, "before the setup") {
		t.Error(r.Error)
	}
	setup := swarmLoad{Load: load{Universe: 1, Tokens: 1}, Addr: addr, Dialect: dialectText,
		Source: 1, Epoch: monotonic()}
	r := ask(swarmCommand{Do: doOpen, Setup: &setup, Clients: 1})
	if !strings.Contains(r.Error, "connection refused") {
		t.Error(r.Error)
	}
}

// What a server does to clients that do not read is no fault of its, but is told.
func TestSwarmCountsSlowOnesClosed(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const clients = 4
	conns := make(chan net.Conn, clients)
	go func() {
		for range clients {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = ws.Upgrade(conn)
			_, _ = wsutil.ReadClientText(conn)
			_, _ = conn.Write(textFrame([]byte("Subscribed to tokens: NSE:100000")))
			conns <- conn
		}
	}()
	ask := talk(t)
	setup := swarmLoad{Load: load{Universe: 1, Tokens: 1}, Addr: ln.Addr().String(),
		Dialect: dialectText, Source: 1, Epoch: monotonic()}
	if r := ask(swarmCommand{Do: doOpen, Setup: &setup, Clients: clients}); r.Error != "" {
		t.Fatal(r.Error)
	}
	ask(swarmCommand{Do: doSlow, Share: 0.5})
	for range clients {
		(<-conns).Close()
	}
	ask(swarmCommand{Do: doHealed})
	var tally *Tally
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		tally = ask(swarmCommand{Do: doEnd}).Tally
		if tally.Faults.Closed == 2 && tally.Slow.Closed == 2 {
			if r := ask(swarmCommand{Do: doSlow, Share: 0.5}); r.Error != "" {
				t.Error(r.Error) // those that are gone stay as they are
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%+v", tally)
}
