package engine

import (
	"runtime"
	"strings"
	"testing"
	"weak"
)

// TestForgotten holds that nothing of a crowd that has gone is held: neither its
// streams nor their owners, which have accounts and inboxes behind them.
func TestForgotten(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	publish(pub, "A", 1)
	pub.Flush()
	stay := connect(t, e, Stream{Kind: JSON})
	owners := crowd(t, e, 50)
	eventually(t, "the crowd has gone", func() bool { return e.Stats().Streams == 1 })
	stay.text(askA)
	stay.until(`"type":"snap"`) // a turn has passed
	left := 0
	for range 3 { // what finalizers hold goes with a later collection
		runtime.GC()
	}
	for _, o := range owners {
		if o.Value() != nil {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d owners of %d streams that have gone are held", left, len(owners))
	}
	runtime.KeepAlive(e)
}

const askA = `{"op":"subscribe","tokens":["A"]}`

// until reads up to a frame with a text in it.
func (p *peer) until(text string) {
	p.t.Helper()
	for payload := ""; !strings.Contains(payload, text); {
		var err error
		if _, payload, err = p.next(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// crowd opens streams that subscribe all at once, read the answer, and go.
func crowd(t *testing.T, e *Engine, n int) (owners []weak.Pointer[owner]) {
	var peers []*peer
	ask := []string{askA, "subscribe|A"}
	answer := []string{`"type":"snap"`, "Subscribed"}
	hold := make(chan struct{})
	go e.loops[0].do(func() { <-hold })
	for i := range n {
		p := connect(t, e, Stream{Kind: []Kind{JSON, Text}[i%2]})
		p.text(ask[i%2])
		peers = append(peers, p)
		owners = append(owners, weak.Make(p.owner))
	}
	close(hold)
	for i, p := range peers {
		p.until(answer[i%2])
		p.conn.Close()
		<-p.owner.ended
	}
	return owners
}
