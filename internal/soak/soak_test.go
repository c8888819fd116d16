package soak

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"azira/client"
)

const roundTime = 15 * time.Minute // from one reckoning to the next

// TestSoakServer has the real server live with all kinds of clients and troubles for as
// long as AZIRA_SOAK says, and holds that it lost no tick without a word, grew in nothing,
// and ends in order. AZIRA_SOAK_SEED repeats what was random.
func TestSoakServer(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("AZIRA_SOAK"))
	switch {
	case err != nil:
		t.Skip("AZIRA_SOAK is not set to a duration (make soak)")
	case runtime.GOOS != "linux":
		t.Skip("descriptors are counted in /proc")
	}
	if lasts < time.Minute {
		t.Fatalf("AZIRA_SOAK=%v is too short to say anything", lasts)
	}
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("AZIRA_SOAK_SEED"), strconv.FormatInt(time.Now().Unix(), 10)), 10, 64)
	if err != nil {
		t.Fatalf("AZIRA_SOAK_SEED: %v", err)
	}
	t.Logf("%v from %v on, AZIRA_SOAK_SEED=%d", lasts, time.Now().UTC().Format(time.RFC3339), seed)
	w := newWorld(t, lasts, seed)
	if err := w.enrol(); err != nil {
		t.Fatal(err)
	}
	calm, err := w.look()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	rounds := max(1, lasts/roundTime)
	for k := range rounds {
		w.riot(uint64(k), lasts/rounds, max(2*time.Second, min(10*time.Second, lasts/40)))
		select {
		case <-w.serve.ended:
			t.FailNow()
		default:
		}
		if w.reckon(); k < rounds-1 {
			w.refeed()
		}
	}
	if w.did.idle() || w.sum.Skipped == 0 || w.sum.Gapped == 0 && lasts >= 30*time.Minute {
		w.fault("the unrest was none: %s, %+v", &w.did, w.sum)
	}
	last := w.disperse()
	w.judge(calm, last)
	w.end()
	if n := w.faults.Load(); n > 0 {
		t.Errorf("%d faults, AZIRA_SOAK_SEED=%d", n, seed)
	}
	t.Logf("done in %v: %s", time.Since(w.began).Round(time.Second), &w.did)
}

// refeed has the feed back after a reckoning.
func (w *world) refeed() {
	if err := w.startFeed(); err != nil {
		w.t.Fatal(err)
	}
	if !w.fed() {
		w.fault("the feed is back for %v, the server has no ticks", feedTimeout)
	}
}

// reckon ends the feed, and compares what each stream was sent and told with what the
// server published, token by token.
func (w *world) reckon() {
	if !w.fed() {
		w.fault("no ticks after the unrest")
	}
	if err := w.feed.stop(syscall.SIGTERM); err != nil {
		w.fault("feed: %v\n%s", err, tail(w.feed.log))
	}
	quiet := time.Now().Add(time.Second) // nothing is on its way any more
	provers := w.provers()
	for end := quiet.Add(backTimeout); ; time.Sleep(100 * time.Millisecond) {
		var waits *prover
		for _, p := range provers {
			if !p.complete(quiet) {
				waits = p
			}
		}
		if waits == nil {
			break
		}
		if time.Now().After(end) {
			w.fault("%s is not complete %v after the feed's end: lost since %v, %+v", waits.name,
				backTimeout, waits.s.LostAt(), waits.s.Complete())
			break
		}
	}
	published, err := w.published()
	p, err2 := w.admin.metrics()
	if err := errors.Join(err, err2); err != nil {
		w.fault("%v", err)
		return
	}
	var all uint64
	for _, n := range published {
		all += n
	}
	if in, out := p["azira_ticks_in_total"], p["azira_ticks_published_total"]; in != out || out != float64(all) {
		w.fault("%v ticks came in, %v were published, seqs say %d", in, out, all)
	}
	w.sumUp(provers, published, all)
}

// sumUp holds each stream to its account and tells the sums.
func (w *world) sumUp(provers []*prover, published map[string]uint64, all uint64) {
	var sum client.Totals
	var due, connects, conflated uint64
	for _, p := range provers {
		s, d := p.agrees(published)
		due += d
		sum.Received += s.Received
		sum.Skipped += s.Skipped
		sum.Gapped += s.Gapped
		connects += p.s.Stats().Connects
		conflated += p.s.Stats().Conflated
	}
	w.sum = sum
	if due != sum.Received+sum.Skipped+sum.Gapped {
		w.fault("%d ticks were due, %+v", due, sum)
	}
	w.t.Logf("%v: %d ticks published; %d streams over %d connections were due %d: %d received + %d skipped + %d gapped; "+
		"%d compared among streams, %d conflated here; %d text ticks", time.Since(w.began).Round(time.Second), all, len(provers), connects, due,
		sum.Received, sum.Skipped, sum.Gapped, w.saw.compared.Load(), conflated,
		w.steady[len(w.steady)-1].ticks.Load())
}

// disperse closes all streams but the steady ones, and looks at what is left.
func (w *world) disperse() sample {
	for _, g := range w.slow {
		g.p.close()
		g.cut.close()
	}
	for _, p := range w.storm.crowd {
		p.close()
	}
	w.storm.cut.close()
	w.auth.Close()
	w.http.CloseIdleConnections()
	time.Sleep(6 * time.Second) // who said half a header is gone, too
	s, err := w.look()
	if err != nil {
		w.fault("sample: %v", err)
	}
	if s.streams != float64(len(w.steady)) {
		w.fault("%v streams, want %d", s.streams, len(w.steady))
	}
	w.check(s.page)
	return s
}

// end stops the server, which is well to the end, tells its streams, and has nothing
// bad in its log.
func (w *world) end() {
	for _, path := range []string{"/livez", "/readyz"} {
		if _, err := w.admin.call("GET", path, "", 200); err != nil {
			w.fault("%v", err)
		}
	}
	w.admin.http.CloseIdleConnections()
	if err := w.serve.stop(syscall.SIGTERM); err != nil {
		w.fault("server: %v\n%s", err, tail(w.serve.log))
	}
	for _, p := range w.steady {
		if p.close(); p.drains.Load() != 1 && !p.text {
			w.fault("%s was told of %d drains", p.name, p.drains.Load())
		}
	}
	f, err := os.Open(w.logName())
	if err != nil {
		w.fault("%v", err)
		return
	}
	defer f.Close()
	said := map[string]int{}
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var line struct{ Level, Msg string }
		if err := json.Unmarshal(sc.Bytes(), &line); err != nil || line.Level == "ERROR" {
			w.fault("the log has: %.2000s", sc.Bytes())
		}
		said[line.Level+" "+line.Msg]++
	}
	w.t.Logf("the log: %v", said)
}
