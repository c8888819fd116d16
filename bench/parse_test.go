package bench

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func TestParsePage(t *testing.T) {
	p, err := parsePage(strings.NewReader("# HELP a b\na 1\nb{x=\"} 7\"} 2\nb{x=\"z\"} 3e0 17\n\n"))
	if err != nil || len(p) != 2 || p["a"] != 1 || p["b"] != 5 {
		t.Error(p, err)
	}
	for _, bad := range []string{"a", "a ", "a x", " 1", "{} 1", "a{} ", strings.Repeat("a", 1<<20)} {
		if p, err := parsePage(strings.NewReader(bad)); !errors.Is(err, errMetrics) {
			t.Errorf("%.20q: %v %v", bad, p, err)
		}
	}
	if err := p.needs("a", "b"); err != nil {
		t.Error(err)
	}
	if err := p.needs("a", "c"); !errors.Is(err, errNoMetric) {
		t.Error(err)
	}
}

func FuzzParsePage(f *testing.F) {
	f.Add("azira_ticks_in_total{endpoint=\"tcp://x\"} 12 1700000000\n# c\nup 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePage(strings.NewReader(text))
		if (p == nil) != (err != nil) {
			t.Errorf("%v %v", p, err)
		}
		for name := range p {
			if name == "" || strings.ContainsAny(name, "{ \n") {
				t.Errorf("name %q", name)
			}
		}
	})
}

// serverFrames is every kind of frame a server sends, and how many texts there are.
func serverFrames() (p []byte, texts int, pings []string) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536} {
		p = append(p, ws.MustCompileFrame(ws.NewTextFrame(bytes.Repeat([]byte{'a'}, n)))...)
		p = append(p, ws.MustCompileFrame(ws.NewPingFrame(bytes.Repeat([]byte{'b'}, n%126)))...)
		p = append(p, ws.MustCompileFrame(ws.NewPongFrame(nil))...)
		texts++
		pings = append(pings, strings.Repeat("b", n%126))
	}
	return p, texts, pings
}

// However the bytes are cut, the frames are the same.
func TestSkimmer(t *testing.T) {
	whole, want, wantPings := serverFrames()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int{1, 2, 7, 1000, len(whole)} {
		var s skimmer
		var texts int
		var pings []string
		for p := whole; len(p) > 0; {
			n := min(len(p), 1+rng.IntN(most))
			got, err := s.skim(p[:n], func(b []byte) { pings = append(pings, string(b)) })
			if err != nil {
				t.Fatal(err)
			}
			texts, p = texts+got, p[n:]
		}
		if texts != want || strings.Join(pings, ",") != strings.Join(wantPings, ",") {
			t.Errorf("pieces of up to %d: %d texts, pings %q", most, texts, pings)
		}
	}
}

func TestSkimmerRefuses(t *testing.T) {
	closing := ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1008, "connection limit")))
	for in, want := range map[string]error{
		string(closing):    errClosed,
		"\x88\x00":         errClosed,
		"\x81\x80":         errFrame, // masked
		"\x01\x00":         errFrame, // a fragment
		"\xc1\x00":         errFrame, // a reserved bit
		"\x82\x00":         errFrame, // binary
		"\x89\x7e\x00\x7e": errFrame, // a long ping
		"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff": errFrame,
	} {
		var s skimmer
		if _, err := s.skim([]byte(in), func([]byte) {}); !errors.Is(err, want) {
			t.Errorf("%x: %v", in, err)
		}
	}
	var s skimmer
	_, err := s.skim(closing, func([]byte) {})
	if !strings.HasSuffix(err.Error(), ": 1008 connection limit") {
		t.Error(err)
	}
}

// A twin that sees all bytes at once finds the same.
func FuzzSkimmer(f *testing.F) {
	whole, _, _ := serverFrames()
	f.Add(whole[:600], uint8(3))
	f.Add([]byte("\x81\x02hi\x88\x02\x03\xe8"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		var twin, s skimmer
		want, wantErr := twin.skim(in, func([]byte) {})
		texts, err := 0, error(nil)
		for p := in; len(p) > 0 && err == nil; {
			n := min(len(p), 1+int(piece))
			got := 0
			got, err = s.skim(p[:n], func(b []byte) {
				if len(b) > controlMax {
					t.Errorf("a ping of %d bytes", len(b))
				}
			})
			texts, p = texts+got, p[n:]
		}
		if texts != want || (err == nil) != (wantErr == nil) || len(s.control) > controlMax {
			t.Errorf("%d texts, %v; the twin %d, %v", texts, err, want, wantErr)
		}
	})
}

// The slope of a line is found whatever its offset, and noise moves it little.
func TestPerStream(t *testing.T) {
	var points []Memory
	for i, noise := range []float64{300, -300, 300, -300} {
		n := (i + 1) * 2500
		points = append(points, Memory{Streams: n, User: 1e8 + 800*float64(n),
			RSS: 5e7 + 900*float64(n) + noise})
	}
	m := PerStream(points)
	if m.User != 800 || math.Abs(m.RSS-900) > 1 || m.Heap != 0 {
		t.Errorf("%+v", m)
	}
}

func TestWhole(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -0.2: "0",
	} {
		if got := whole(v); got != want {
			t.Errorf("%g: %q", v, got)
		}
	}
}

// Ticks leave at their times, all of them, and never before.
func TestSourceKeepsItsPace(t *testing.T) {
	s, err := newSource(3)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	began := time.Now()
	if _, err := s.play(t.Context(), 100, 1000); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 99*time.Millisecond {
		t.Errorf("100 ticks at 1000/s after %v", took)
	}
	if n := s.pub.Stats().Ticks; n != 100 {
		t.Errorf("%d ticks", n)
	}
	f := fleet{holders: []uint64{1, 0, 2}}
	if want := s.published[0] + 2*s.published[2]; f.due(s.published) != want {
		t.Errorf("due %d, not %d", f.due(s.published), want)
	}
}
