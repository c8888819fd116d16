package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"azira/client"
)

// Whatever is subscribed, given up and subscribed otherwise while ticks come, every
// heartbeat proves that nothing is missing.
func TestClientWalkAgainstServer(t *testing.T) {
	t.Parallel()
	c := demoOn(t)
	c.tokens, c.rate = nil, 2000
	for i := range 20 {
		c.tokens = append(c.tokens, fmt.Sprintf("NSE:%d", i))
	}
	out, errs, _ := startDemo(t, c)
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
	for _, d := range []client.Dialect{client.JSON, client.Binary} {
		t.Run(string(d), func(t *testing.T) {
			s, err := client.OpenStream(t.Context(), client.StreamOptions{Server: url,
				Bearer: client.Fixed(cred.Bearer), Dialect: d, Beat: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			walk(t, s, c.tokens)
		})
	}
}

// walk makes 80 random requests, as many a second as the server takes.
func walk(t *testing.T, s *client.Stream, tokens []string) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	go func() {
		for range s.Ticks() { // until Close
		}
	}()
	var proved time.Time
	proofs := 0
	for range 80 {
		some := make([]string, 1+r.IntN(4))
		for i := range some {
			some[i] = tokens[r.IntN(len(tokens))]
		}
		var err error
		switch r.IntN(10) {
		case 0:
			err = s.Unsubscribe(t.Context(), client.All)
		case 1, 2:
			err = s.Unsubscribe(t.Context(), some...)
		default:
			o := client.SubscribeOptions{NoSnapshot: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				o.Mode = client.ModeLTP
			}
			o.MaxRate = []float64{0, 0, 1, 10}[r.IntN(4)]
			_, err = s.SubscribeWith(t.Context(), o, some...)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		p := s.Complete()
		if p.State == client.Incomplete || p.Lost+p.Doubled+p.Gapped > 0 {
			t.Fatalf("%+v", p)
		}
		if p.State == client.Complete && p.At != proved {
			proved = p.At
			proofs++
		}
	}
	for len(s.Events()) > 0 {
		if h, is := (<-s.Events()).(client.Hole); is {
			t.Errorf("%v", h)
		}
	}
	if proofs < 2 || s.Stats().Bad > 0 {
		t.Fatalf("%d proofs, %+v", proofs, s.Stats())
	}
}
