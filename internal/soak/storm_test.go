package soak

import (
	"fmt"
	"math/rand/v2"
	"time"

	"azira/client"
)

const (
	stormStreams = 300
	stormTokens  = 3 // of each
	backTimeout  = 60 * time.Second
)

// A storm is a crowd of provers behind one cutter.
type storm struct {
	w     *world
	cut   *cutter
	crowd []*prover
}

// newStorm opens the crowd. Every fourth has a list of its own, the others share some.
func newStorm(w *world, rnd *rand.Rand) (*storm, error) {
	st := &storm{w: w, cut: newCutter(w.t, w.listen, false)}
	for k := range stormStreams {
		o := client.StreamOptions{Server: st.cut.url(), Bearer: w.accounts["storm"].Bearer,
			Dialect: typedDialects[k%2], BackoffMax: 4 * time.Second}
		p, err := newProver(w, fmt.Sprintf("storm %d", k), o)
		if err != nil {
			return nil, err
		}
		st.crowd = append(st.crowd, p)
		first := k / 2 % 8
		tokens := w.tokens[first : first+stormTokens]
		if k%4 == 0 {
			tokens = w.some(rnd, stormTokens)
		}
		if err := p.subscribe(client.SubscribeOptions{}, tokens...); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// run makes storms. After each all come back, and a heartbeat proves that they lost
// nothing, or were told what.
func (st *storm) run(rnd *rand.Rand) {
	w := st.w
	for n := 0; w.pause(rnd, w.scaled(time.Minute)); n++ {
		before := st.connects()
		kind, away := "storm", time.Duration(0)
		switch rnd.IntN(6) {
		case 0: // nobody gets through for a while
			kind, away = "storm with an outage", time.Duration(1+rnd.IntN(5))*time.Second
		case 1: // longer than the ring remembers
			kind, away = "storm with a long outage", w.scaled(40*time.Second)
		case 2: // again while they come back
			st.cut.cut()
			time.Sleep(time.Duration(rnd.IntN(600)) * time.Millisecond)
			kind = "double storm"
		}
		st.cut.shut.Store(away > 0)
		st.cut.cut()
		time.Sleep(away)
		st.cut.shut.Store(false)
		if took, ok := st.back(time.Now(), before); ok {
			w.did.storms.Add(1)
			w.t.Logf("%v: %s: all %d are back and complete after %v", time.Since(w.began).Round(time.Second),
				kind, stormStreams, took.Round(time.Millisecond))
		}
	}
}

func (st *storm) connects() []uint64 {
	out := make([]uint64, len(st.crowd))
	for i, p := range st.crowd {
		out[i] = p.s.Stats().Connects
	}
	return out
}

// back waits until all are proved complete, on connections that they did not have before.
func (st *storm) back(since time.Time, before []uint64) (took time.Duration, ok bool) {
	for {
		var waiting []*prover
		for i, p := range st.crowd {
			if p.s.Stats().Connects == before[i] || !p.complete(since) {
				waiting = append(waiting, p)
			}
		}
		took = time.Since(since)
		switch {
		case waiting == nil:
			return took, true
		case took > backTimeout:
			p := waiting[0]
			st.w.fault("%d of %d streams are not complete %v after a storm, one is %s: lost since %v, %+v",
				len(waiting), len(st.crowd), backTimeout, p.name, p.s.LostAt(), p.s.Complete())
			return took, false
		}
		time.Sleep(100 * time.Millisecond)
	}
}
