package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"azira/client"
)

const (
	stallTimeout = 15 * time.Second // the server's
	stalledMax   = time.Minute      // of a stream that never reads
)

// A laggard is a prover whose way down is slow: what it is not given it is told of.
type laggard struct {
	p   *prover
	cut *cutter
	at  func(*rand.Rand) int64 // its next rate
}

func newLaggards(w *world) (all []*laggard, err error) {
	dribble := func(*rand.Rand) int64 { return 3000 }
	fitful := func(rnd *rand.Rand) int64 { return []int64{0, 500, 20_000, unbounded}[rnd.IntN(4)] }
	for k, at := range []func(*rand.Rand) int64{dribble, dribble, fitful, fitful, fitful, fitful} {
		g := &laggard{cut: newCutter(w.t, w.listen, true), at: at}
		o := client.StreamOptions{Server: g.cut.url(), Bearer: w.accounts["slow"].Bearer,
			Dialect: typedDialects[k%2], BackoffMax: 4 * time.Second}
		if g.p, err = newProver(w, fmt.Sprintf("slow %d", k), o); err != nil {
			return nil, err
		}
		if err := g.p.subscribe(client.SubscribeOptions{}, w.tokens...); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// run changes the laggard's rate now and then, and leaves it at full speed.
func (g *laggard) run(w *world, rnd *rand.Rand) {
	for w.pause(rnd, w.scaled(10*time.Second)) {
		g.cut.rate.Store(g.at(rnd))
	}
	g.cut.rate.Store(unbounded)
}

// neverRead opens streams that never read, and holds that each is ended in time.
func neverRead(w *world, k int, rnd *rand.Rand) {
	subscribe := "subscribe|" + strings.Join(w.tokens, ",")
	dialect := ""
	if k%2 == 1 {
		dialect = string(client.JSON)
		subscribe = `{"op":"subscribe","tokens":["` + strings.Join(w.tokens, `","`) + `"]}`
	}
	for w.pause(rnd, time.Second) {
		r, status, err := w.dialRaw(dialSlow, "slow", dialect)
		if err != nil || status != 101 {
			w.fault("never reading: open: %d, %v", status, err)
			continue
		}
		if err := r.send(subscribe); err != nil {
			w.fault("never reading: subscribe: %v", err)
		}
		if w.ended(r.nc.LocalAddr().String()) {
			w.did.stalled.Add(1)
		}
		r.nc.Close()
	}
}

// ended waits until the server has ended a stream, which it does for the stall timeout
// after the peer's kernel took a byte the last time. That may be by a probe, late.
func (w *world) ended(addr string) bool {
	for began := time.Now(); w.wait(time.Second); {
		p, err := w.admin.call("GET", "/api/v1/users/slow", "", 200)
		switch took := time.Since(began); {
		case err != nil:
			w.fault("never reading: %v", err)
		case !strings.Contains(string(p), `"`+addr+`"`) && took < stallTimeout-time.Second:
			w.fault("never reading: ended after %v already", took)
			return false
		case !strings.Contains(string(p), `"`+addr+`"`):
			return true
		case took > stalledMax:
			w.fault("never reading: open after %v", took)
			return false
		}
	}
	return false
}
