package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"azira/proto"
)

func simulate(t *testing.T, tokens []string, seed uint64, n int) (all []string) {
	t.Helper()
	s, err := newSimulator(tokens, rateMax, seed)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		topic, data, _, err := s.next(math.MaxInt64)
		if err != nil || proto.CheckTick(topic, data) != nil {
			t.Fatalf("%q %q: %v", topic, data, err)
		}
		all = append(all, string(proto.AppendTick(nil, topic, data)))
	}
	return all
}

func TestSimulatorShape(t *testing.T) {
	shape := regexp.MustCompile(`^(.*) & \{"token":(".*"),"ltp":\d+\.\d[05],` +
		`"bestbidprice":\d+\.\d[05],"bestaskprice":\d+\.\d[05]\}$`)
	names := []string{"NSE:1", `say "hi"\<>`, "日経"}
	moved := map[string]map[float64]bool{}
	for i, tick := range simulate(t, names, 1, 3000) {
		m := shape.FindStringSubmatch(tick)
		if m == nil || m[1] != names[i%3] {
			t.Fatalf("tick %d: %s", i, tick)
		}
		var q struct{ Ltp, Bestbidprice, Bestaskprice float64 }
		var token string
		_, data, _ := proto.SplitTick([]byte(tick))
		if err := json.Unmarshal(data, &q); err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal([]byte(m[2]), &token) != nil || token != m[1] {
			t.Fatalf("token %s of topic %s", m[2], m[1])
		}
		if !(0 < q.Bestbidprice && q.Bestbidprice < q.Ltp && q.Ltp < q.Bestaskprice) {
			t.Fatalf("prices of %s", tick)
		}
		if moved[m[1]] == nil {
			moved[m[1]] = map[float64]bool{}
		}
		moved[m[1]][q.Ltp] = true
	}
	for name, prices := range moved {
		if len(prices) < 10 {
			t.Errorf("%s had only %d prices", name, len(prices))
		}
	}
}

func TestSimulatorSeed(t *testing.T) {
	a := simulate(t, []string{"A", "B"}, 7, 100)
	if !slices.Equal(a, simulate(t, []string{"A", "B"}, 7, 100)) {
		t.Error("the same seed made other prices")
	}
	if slices.Equal(a, simulate(t, []string{"A", "B"}, 8, 100)) {
		t.Error("another seed made the same prices")
	}
	alone := simulate(t, []string{"B"}, 7, 50)
	for i := range alone {
		if alone[i] != a[2*i+1] {
			t.Fatalf("tick %d of B depends on A: %s, %s", i, alone[i], a[2*i+1])
		}
	}
}

func TestSimulatorPace(t *testing.T) {
	for _, rate := range []int{1, 3, 7, 1000, 999_999, rateMax} {
		s, err := newSimulator([]string{"A"}, rate, 1)
		if err != nil {
			t.Fatal(err)
		}
		hours := time.Duration(100_000) * time.Hour // far beyond 64 bits of ticks times ns
		s.second = hours
		n := 0
		for at := hours; at < hours+2*time.Second; at += time.Second / 10 {
			for {
				topic, _, due, _ := s.next(at)
				if topic == nil {
					if due <= at || due > at+time.Second {
						t.Fatalf("rate %d: next at %v, now %v", rate, due, at)
					}
					break
				}
				n++
			}
			want := int((at-hours)*time.Duration(rate)/time.Second) + 1
			if n < want-1 || n > want+1 {
				t.Fatalf("rate %d: %d ticks after %v, want %d", rate, n, at-hours, want)
			}
		}
	}
}

func TestSimulatorAllocs(t *testing.T) {
	s, err := newSimulator(DefaultTokens, rateMax, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { s.next(math.MaxInt64) }); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
}

func TestSimulatorRefuses(t *testing.T) {
	for _, c := range []struct {
		tokens []string
		rate   int
	}{
		{[]string{"A"}, 0}, {[]string{"A"}, rateMax + 1}, {[]string{"A|B"}, 1},
		{[]string{""}, 1}, {[]string{}, 1},
	} {
		if _, err := newSimulator(c.tokens, c.rate, 1); !errors.Is(err, ErrConfig) {
			t.Errorf("%q at %d: %v", c.tokens, c.rate, err)
		}
	}
	s, err := newSimulator([]string{"A"}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	var more []string
	for i := range tokensMax {
		more = append(more, fmt.Sprint(i))
	}
	if err := s.admit(more); !errors.Is(err, ErrTooMany) || len(s.walks) != 1 {
		t.Errorf("%v, %d walks", err, len(s.walks))
	}
	if err := s.admit(append(more[1:], "A")); err != nil || len(s.walks) != tokensMax {
		t.Errorf("%v, %d walks", err, len(s.walks))
	}
}

func TestParseTokens(t *testing.T) {
	for in, want := range map[string][]string{
		"3":         {"NSE:1", "NSE:2", "NSE:3"},
		"A":         {"A"},
		"A, B C ,D": {"A", "B C", "D"},
	} {
		if got, err := ParseTokens(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseTokens(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "100001", "A,,B", ","} {
		if _, err := ParseTokens(in); !errors.Is(err, ErrConfig) {
			t.Errorf("ParseTokens(%q) = %v", in, err)
		}
	}
}
