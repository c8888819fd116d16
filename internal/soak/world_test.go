package soak

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"azira/client"
)

const (
	tokenCount    = 60
	tickRate      = 300 // ticks per second, of all tokens
	ringBytes     = "1MiB"
	password      = "correct horse battery"
	faultsMax     = 40
	answerTimeout = 20 * time.Second
)

var typedDialects = []client.Dialect{client.JSON, client.Binary}

// A world is the processes, who is at them, and what is known of them.
type world struct {
	// Fixed after newWorld.
	t       *testing.T
	seed    uint64
	lasts   time.Duration
	bin     string
	dir     string
	began   time.Time
	pub     string // the feed's addresses
	control string

	serve    *process
	listen   string // host:port
	url      string
	admin    *admin
	auth     *client.Auth
	http     *http.Client
	accounts map[string]*client.Keeper
	tokens   []string
	steady   []*prover
	storm    *storm
	slow     []*laggard

	life context.Context // ends with the test

	// Owned by the main goroutine; replaced while it is alone.
	unrest context.Context // ends before a reckoning
	sum    client.Totals   // as of the last reckoning

	// Owned by the operator; by the main goroutine when that is gone.
	feed *process
	kept []string // checkpoints

	// Owned by the sampler, likewise.
	samples []sample

	// Shared.
	saw    witness
	did    deedsDone
	faults atomic.Int64
}

// deedsDone counts.
type deedsDone struct {
	storms, churns, stalled, feeds, fidgets, checkpoints, restores atomic.Uint64
}

// idle says whether there was none of something.
func (d *deedsDone) idle() bool {
	return min(d.storms.Load(), d.churns.Load(), d.stalled.Load(), d.feeds.Load(), d.fidgets.Load(),
		d.checkpoints.Load(), d.restores.Load()) == 0
}

func (d *deedsDone) String() string {
	return fmt.Sprintf("storms %d  churns %d  stalled %d  feeds %d  fidgets %d  checkpoints %d  restores %d",
		d.storms.Load(), d.churns.Load(), d.stalled.Load(), d.feeds.Load(), d.fidgets.Load(),
		d.checkpoints.Load(), d.restores.Load())
}

// fault is a broken promise: what, and when. Any goroutine.
func (w *world) fault(format string, args ...any) {
	if w.life.Err() != nil {
		return
	}
	switch n := w.faults.Add(1); {
	case n < faultsMax:
		w.t.Errorf("FAULT at %v: %s", time.Since(w.began).Round(time.Millisecond),
			fmt.Sprintf(format, args...))
	case n == faultsMax:
		w.t.Error("more faults follow, which are not told")
	}
}

// random is a source for one role.
func (w *world) random(role uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, role)) }

// scaled is a time between deeds: as given in long runs, shorter in short ones.
func (w *world) scaled(d time.Duration) time.Duration {
	of := float64(w.lasts) / float64(20*time.Minute)
	return max(3*time.Second, min(d, time.Duration(float64(d)*of)))
}

// pause waits for about d, and reports false when the unrest is over.
func (w *world) pause(rnd *rand.Rand, d time.Duration) bool {
	return w.wait(d/2 + time.Duration(rnd.Int64N(int64(d))))
}

// wait waits for d, and reports false when the unrest is over.
func (w *world) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.unrest.Done():
		return false
	}
}

// some are n tokens, none twice.
func (w *world) some(rnd *rand.Rand, n int) (out []string) {
	for _, i := range rnd.Perm(len(w.tokens))[:n] {
		out = append(out, w.tokens[i])
	}
	return out
}

// newWorld starts feed and server, makes accounts and opens the streams that stay.
func newWorld(t *testing.T, lasts time.Duration, seed uint64) *world {
	w := &world{t: t, seed: seed, lasts: lasts, bin: build(t), dir: cmp.Or(os.Getenv("AZIRA_SOAK_DIR"), t.TempDir()), began: time.Now(),
		accounts: make(map[string]*client.Keeper), http: &http.Client{Timeout: answerTimeout}}
	w.saw.seen = make(map[string]*[sightings]sighting)
	w.life = t.Context()
	rnd := w.random(0)
	w.pub, w.control = freePort(t, rnd), freePort(t, rnd)
	if err := w.startFeed(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.feed.kill() })
	var err error
	w.serve, err = start(w.bin, w.logName(), "serve", "--listen", "127.0.0.1:0",
		"--admin", "127.0.0.1:0", "--feed", "tcp://"+w.pub, "--data", filepath.Join(w.dir, "data"),
		"--loops", "2", "--ring-bytes", ringBytes, "--max-lag", "128KiB",
		"--stall-timeout", stallTimeout.String(), "--access-ttl", "5m", "--refresh-ttl", "40m",
		"--drain-window", "3s", "--log-format", "json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.serve.kill)
	words := strings.Fields(w.serve.ready)
	w.url, w.admin = words[2], newAdmin(words[4])
	w.listen = strings.TrimPrefix(w.url, "http://")
	if w.auth, err = client.NewAuth(w.url); err != nil {
		t.Fatal(err)
	}
	if !w.fed() {
		t.Fatalf("no ticks\n%s", tail(w.serve.log))
	}
	return w
}

func (w *world) logName() string { return filepath.Join(w.dir, "serve.log") }

// enrol makes the accounts. Those with many streams may have any number.
func (w *world) enrol() error {
	names := []string{"session"}
	for k := range churners {
		names = append(names, churnerName(k))
	}
	many := []string{"steady", "storm", "slow"}
	for _, name := range append(names, many...) {
		if _, err := w.auth.Register(w.life, name, password); err != nil {
			return err
		}
		cred, err := w.auth.Login(w.life, name, password)
		if err != nil {
			return err
		}
		w.accounts[name] = w.auth.Keep(cred)
		if slices.Contains(many, name) {
			_, err = w.admin.call("PUT", "/api/v1/users/"+name+"/limits", `{"streams":0}`, 200)
		}
		if err != nil {
			return err
		}
	}
	bearer, err := w.accounts["steady"].Bearer(w.life)
	if err != nil {
		return err
	}
	w.tokens, err = w.auth.Tokens(w.life, bearer)
	if err == nil && len(w.tokens) != tokenCount {
		err = fmt.Errorf("%d tokens are known, want %d", len(w.tokens), tokenCount)
	}
	return err
}

func churnerName(k int) string { return fmt.Sprintf("churn%d", k) }

// settle opens the streams that stay.
func (w *world) settle() (err error) {
	half := w.tokens[:tokenCount/2]
	for k, st := range []struct {
		dialect client.Dialect
		o       client.SubscribeOptions
		tokens  []string
	}{
		{client.JSON, client.SubscribeOptions{}, w.tokens},
		{client.Binary, client.SubscribeOptions{}, w.tokens},
		{client.JSON, client.SubscribeOptions{Mode: client.ModeLTP}, w.tokens},
		{client.Binary, client.SubscribeOptions{MaxRate: 2}, half},
		{client.JSON, client.SubscribeOptions{MaxRate: 0.5}, half},
		{client.Binary, client.SubscribeOptions{}, half}, // the fidget
		{client.Text, client.SubscribeOptions{}, w.tokens},
	} {
		o := client.StreamOptions{Server: w.url, Bearer: w.accounts["steady"].Bearer,
			Dialect: st.dialect}
		if st.dialect != client.Text {
			o.Beat = 2 * time.Second
		}
		p, err := newProver(w, fmt.Sprintf("steady %d", k), o)
		if err != nil {
			return err
		}
		w.steady = append(w.steady, p)
		p.steady = true
		if err := p.subscribe(st.o, st.tokens...); err != nil {
			return err
		}
	}
	if w.slow, err = newLaggards(w); err == nil {
		w.storm, err = newStorm(w, w.random(1))
	}
	return err
}

// provers are all streams that stay and are numbered.
func (w *world) provers() (out []*prover) {
	for _, p := range w.steady {
		if !p.text {
			out = append(out, p)
		}
	}
	for _, g := range w.slow {
		out = append(out, g.p)
	}
	return append(out, w.storm.crowd...)
}

// riot has everybody at it for a round's time.
func (w *world) riot(round uint64, lasts, every time.Duration) {
	var all sync.WaitGroup
	var calm func()
	w.unrest, calm = context.WithCancel(w.life)
	time.AfterFunc(lasts, calm)
	random := func(role uint64) *rand.Rand { return w.random(100*(round+1) + role) }
	all.Go(func() { // without a server all else is noise
		select {
		case <-w.serve.ended:
			w.fault("the server has ended: %v\n%s", w.serve.err, tail(w.serve.log))
			calm()
		case <-w.unrest.Done():
		}
	})
	all.Go(func() { w.storm.run(random(2)) })
	all.Go(func() { w.unfeed(random(3)) })
	all.Go(func() { w.backUp(random(4)) })
	all.Go(func() { w.sampler(every) })
	all.Go(func() { w.steady[len(w.steady)-2].fidget(random(5)) })
	for k, g := range w.slow {
		all.Go(func() { g.run(w, random(uint64(10+k))) })
	}
	for k := range 4 {
		all.Go(func() { neverRead(w, k, random(uint64(20+k))) })
	}
	for k := range churners {
		c := &churner{w: w, name: churnerName(k), rnd: random(uint64(30 + k))}
		all.Go(c.run)
	}
	all.Wait()
}

// call asks the public port and returns what is answered, if that has the status wanted.
func (w *world) call(method, path, bearer, body string, want int) ([]byte, error) {
	req, err := http.NewRequestWithContext(w.life, method, w.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s: %s: %.300s", path, resp.Status, p)
	}
	return p, err
}

// published is the seq of each token's last tick.
func (w *world) published() (map[string]uint64, error) {
	bearer, err := w.accounts["steady"].Bearer(w.life)
	if err != nil {
		return nil, err
	}
	out := make(map[string]uint64)
	for _, name := range w.tokens {
		p, err := w.call("GET", "/api/v1/ticks/"+name, bearer, "", http.StatusOK)
		var last struct{ Seq uint64 }
		if err == nil {
			err = json.Unmarshal(p, &last)
		}
		if err != nil {
			return nil, err
		}
		out[name] = last.Seq
	}
	return out, nil
}
