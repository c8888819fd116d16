package bench

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"azira/proto"

	"github.com/gobwas/ws"
)

var hello = textFrame([]byte(`{"type":"welcome","conn":"s-1","username":"u","epoch":1000000,"hb_ms":5000}`))

func typedSetup(addr, dialect string) *swarmLoad {
	return &swarmLoad{Load: load{Universe: 1, Tokens: 1}, Addr: addr, Dialect: dialect, Source: 1,
		Epoch: monotonic()}
}

// frameOf is a tick in a frame of its kind.
func frameOf(e proto.Encoding, seq uint64, snap bool) []byte {
	p := typedEvent(e, 0, seq, snap)
	if e == proto.EncodingBinary || e == proto.EncodingBinaryPrice {
		return ws.MustCompileFrame(ws.NewBinaryFrame(p))
	}
	return textFrame(p)
}

// A swarm sees what a stream of any typed dialect loses, doubles and fails to prove.
func TestSwarmSeesTypedFaults(t *testing.T) {
	for dialect, e := range map[string]proto.Encoding{
		dialectJSON: proto.EncodingJSON, dialectJSONPrice: proto.EncodingJSONPrice,
		dialectBinary: proto.EncodingBinary, dialectBinaryPrice: proto.EncodingBinaryPrice,
	} {
		addr := badServer(t, hello, textFrame(ackOf(5, 0)), frameOf(e, 5, true), frameOf(e, 6, false),
			textFrame(beatOf(6, 0)), frameOf(e, 6, false), frameOf(e, 9, false), textFrame(beatOf(8, 0)))
		ask := talk(t)
		const clients = 70
		if r := ask(swarmCommand{Do: doOpen, Setup: typedSetup(addr, dialect), Clients: clients}); r.Error != "" {
			t.Fatal(r.Error)
		}
		var y *Tally
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if y = ask(swarmCommand{Do: doEnd}).Tally; y.Faults.Unproved == clients {
				break
			}
		}
		y.Faults.First = ""
		if y.Faults != (Faults{Doubled: clients, Untold: 2 * clients, Unproved: clients}) ||
			y.Told != (Told{Proved: clients}) || y.Frames != 3*clients {
			t.Errorf("%s: %+v", dialect, y)
		}
		if r := ask(swarmCommand{Do: doFinal, Last: []uint32{10}}); r.Left != clients {
			t.Errorf("%s: %d left", dialect, r.Left)
		}
	}
}

// Who is cut off asks for what it missed, and what it is then told and sent is counted.
func TestSwarmResumes(t *testing.T) {
	from := []byte(`{"op":"subscribe","epoch":1000000,"from":{"NSE:100000":5}}`)
	addr := fakeServer(t, func(request []byte) [][]byte {
		switch {
		case bytes.Equal(request, from):
			one := func(seq uint64, snap bool) []byte { return frameOf(proto.EncodingJSON, seq, snap) }
			return [][]byte{textFrame(ackOf(5, 0)), one(6, false), one(7, false), one(7, false),
				textFrame(proto.AppendGap(nil, "NSE:100000", 8, 9, proto.GapRing)), one(10, true)}
		case bytes.Contains(request, []byte(`"ping"`)):
			return [][]byte{textFrame(proto.AppendPong(nil, nil, 5))}
		}
		return [][]byte{hello, textFrame(ackOf(5, 0))}
	})
	ask := talk(t)
	const clients = 20
	if r := ask(swarmCommand{Do: doOpen, Setup: typedSetup(addr, dialectJSON), Clients: clients}); r.Error != "" {
		t.Fatal(r.Error)
	}
	for end := time.Now().Add(10 * time.Second); ask(swarmCommand{Do: doHeard}).Left > 0; {
		if time.Now().After(end) {
			t.Fatal("no acks")
		}
		time.Sleep(5 * time.Millisecond)
	}
	b := newBack(ask(swarmCommand{Do: doStorm}).Back, clients)
	if b.Clients != clients || b.Resume == nil || *b.Resume != (Resume{Replayed: 3 * clients,
		Missed: 2 * clients, Doubled: clients, Gaps: clients}) {
		t.Errorf("%+v %+v", b, b.Resume)
	}
}

// A server that does not speak the dialect is refused.
func TestSwarmNeedsTheDialect(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = ws.Upgrade(conn) // in no subprotocol
	}()
	ask := talk(t)
	setup := typedSetup(ln.Addr().String(), dialectBinary)
	r := ask(swarmCommand{Do: doOpen, Setup: setup, Clients: 1})
	if !strings.Contains(r.Error, "azira.v1.bin is not spoken there") {
		t.Error(r.Error)
	}
}
