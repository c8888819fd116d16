package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"azira/client"
)

// Streams of the typed dialects against the real server: what the client package's
// tests ask of a fake, and a restart of the server under them.
func TestClientTypedAgainstServer(t *testing.T) {
	t.Parallel()
	c := demoOn(t)
	out, errs, stop := startDemo(t, c)
	url := awaitOutput(t, out, errs, `running: (\S+),`)[1]
	auth, err := client.NewAuth(url)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	if _, err := auth.Register(t.Context(), "zoe", "a good password"); err != nil {
		t.Fatal(err)
	}
	cred, err := auth.Login(t.Context(), "zoe", "a good password")
	if err != nil {
		t.Fatal(err)
	}
	var all []*typedWatcher
	for _, d := range []client.Dialect{client.JSON, client.Binary} {
		s, err := client.OpenStream(t.Context(), client.StreamOptions{Server: url,
			Bearer: client.Fixed(cred.Bearer), Dialect: d, Beat: 500 * time.Millisecond,
			BackoffMax: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		w := &typedWatcher{t: t, s: s, next: map[string]uint64{}}
		w.requests(cred.Bearer)
		w.complete()
		all = append(all, w)
	}
	before := all[0].s.Complete().Epoch
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c.listen = strings.TrimPrefix(url, "http://")
	startDemo(t, c)
	for _, w := range all {
		w.restarted(before)
		w.complete()
		if got := w.s.Stats(); got.Bad != 0 || got.Conflated != 0 {
			t.Errorf("%+v", got)
		}
	}
}

func TestClientWatchTyped(t *testing.T) {
	out, errs, _ := startDemo(t, demoOn(t))
	t.Setenv("AZIRA_SERVER", awaitOutput(t, out, errs, `running: (\S+),`)[1])
	t.Setenv("AZIRA_PASSWORD", "a good password")
	t.Setenv("AZIRA_USER", "zoe")
	watch := func(form string, args ...string) (ticks string) {
		t.Helper()
		args = append([]string{"watch", "--register"}, args...)
		ticks, said, err := runWith(t, t.Context(), "", args...)
		if err != nil || !regexp.MustCompile(form).MatchString(ticks+said) {
			t.Errorf("%q: %v\n%s%s", args, err, ticks, said)
		}
		return ticks
	}
	const price = `-?\d+\.\d+`
	const line = `(?m)^\S+ NSE:1 #\d+ ltp ` + price + ` bid ` + price + ` ask ` + price
	watch(line+` snap$`, "NSE:1", "--dialect=json", "--count=3")
	watch(line+`$`, "NSE:1", "--dialect=bin", "--count=3")
	watch(`not subscribed: NSE:7: unknown token \(102\)`, "NSE:1,NSE:7", "--dialect=bin", "--count=1")
	watch(`(?m)^\S+ NSE:1 #\d+ ltp `+price+` \d+ skipped$`, "NSE:1", "--dialect=json", "--mode=ltp",
		"--max-rate=5", "--count=4")
	watch(`(?s)feed is live.*complete at \S+: \d+ received, 0 skipped, 0 gapped`, "NSE:1",
		"--dialect=bin", "--count=300")
	watch(`feed live   \S+ at \S+: \d+ received`, "NSE:1", "--dialect=json", "--table", "--count=100")
	raw := watch(`(?m)^{"token":"NSE:1","ltp":`, "NSE:1", "--dialect=json", "--raw", "--count=2")
	if strings.Contains(raw, "#") {
		t.Errorf("raw: %s", raw)
	}
	_, _, err := runWith(t, t.Context(), "", "watch", "NSE:7", "--dialect=json")
	if !errors.Is(err, client.ErrUnknownToken) {
		t.Errorf("unknown token: %v", err)
	}
}

// A typedWatcher takes the ticks of one stream and holds them to their numbers.
type typedWatcher struct {
	t    *testing.T
	s    *client.Stream
	next map[string]uint64
}

func (w *typedWatcher) requests(bearer string) {
	w.t.Helper()
	ctx := w.t.Context()
	a, err := w.s.SubscribeWith(ctx, client.SubscribeOptions{}, "NSE:1", "NSE:7")
	if err != nil || len(a.OK) != 1 || len(a.Failed) != 1 || a.Failed[0].Code != 102 || a.Count != 1 {
		w.t.Fatalf("%+v %v", a, err)
	}
	o := client.SubscribeOptions{Mode: client.ModeLTP, MaxRate: 5}
	if a, err = w.s.SubscribeWith(ctx, o, "NSE:2"); err != nil || a.Err() != nil {
		w.t.Fatalf("%+v %v", a, err)
	}
	held, err := w.s.List(ctx)
	if err != nil || len(held) != 2 {
		w.t.Fatalf("%+v %v", held, err)
	}
	for _, h := range held {
		if h.Token == "NSE:2" && (h.Mode != client.ModeLTP || h.MaxRate != 5) {
			w.t.Fatalf("%+v", h)
		}
	}
	if p, err := w.s.Ping(ctx); err != nil || p.RoundTrip <= 0 || time.Since(p.Server).Abs() > time.Minute {
		w.t.Fatalf("%+v %v", p, err)
	}
	if ends, err := w.s.Renew(ctx, bearer); err != nil || time.Until(ends) < time.Minute {
		w.t.Fatalf("%v %v", ends, err)
	}
	var refused *client.RefusedError
	if _, err := w.s.Renew(ctx, "not.a.bearer"); !errors.As(err, &refused) || refused.Code != 101 {
		w.t.Fatalf("%v", err)
	}
}

// tick takes one; what is missing before it is told by it.
func (w *typedWatcher) tick() client.Tick {
	w.t.Helper()
	select {
	case x, ok := <-w.s.Ticks():
		if !ok {
			w.t.Fatal(w.s.Err())
		}
		next, held := w.next[x.Token]
		if held && !x.Snap && x.Seq != next+x.Skipped {
			w.t.Fatalf("%+v in place of %d", x, next)
		}
		w.next[x.Token] = x.Seq + 1
		if q, err := x.Quote(); err != nil || q.Last == "" || x.Time.IsZero() {
			w.t.Fatalf("%+v %v", x, err)
		}
		return x
	case <-time.After(15 * time.Second):
		w.t.Fatal("no tick within 15 s")
	}
	return client.Tick{}
}

// complete takes ticks until two heartbeats have proved that none is missing, and some
// were held back and told.
func (w *typedWatcher) complete() {
	w.t.Helper()
	seen := map[time.Time]bool{}
	for end := time.Now().Add(20 * time.Second); ; w.tick() {
		p := w.s.Complete()
		if len(seen) >= 2 && p.Skipped > 0 {
			break
		}
		if p.State == client.Complete && p.Tokens == 2 && p.Received > 0 {
			seen[p.At] = true
		} else if p.State == client.Incomplete || time.Now().After(end) {
			w.t.Fatalf("%+v", p)
		}
	}
	p := w.s.Complete()
	if p.Lost+p.Doubled != 0 {
		w.t.Fatalf("%+v", p)
	}
	for _, a := range w.s.Accounts() {
		if a.Last-a.Base != a.Received+a.Skipped+a.Gapped+a.Lost {
			w.t.Fatalf("%+v", a)
		}
	}
}

// restarted takes ticks until each token has had its gap and snap.
func (w *typedWatcher) restarted(before uint64) {
	w.t.Helper()
	for gaps := 0; gaps < 2; {
		if x := w.tick(); x.Gap != nil {
			if x.Gap.Reason != client.GapEpoch || !x.Snap {
				w.t.Fatalf("%+v", x)
			}
			gaps++
		}
	}
	if p := w.s.Complete(); p.Epoch == before {
		w.t.Fatalf("%+v", p)
	}
}
