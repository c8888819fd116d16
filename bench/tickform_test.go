package bench

import (
	"testing"

	"azira/proto"
)

func TestTickForm(t *testing.T) {
	for _, tk := range []tick{{0, 1, 0}, {7, 42, 12_345_678}, {99_999, 899_999_999, 8_999_999_999}} {
		for _, price := range []int64{10_000, 99_999} {
			p := appendTick(nil, tk, price)
			if got, ok := parseTick(p); !ok || got != tk {
				t.Errorf("%s: %v %v", p, got, ok)
			}
			if err := proto.CheckTick(tokenName(int(tk.token)), p); err != nil {
				t.Errorf("%s: %v", p, err)
			}
			if len(p) < 96 || len(p) > 110 {
				t.Errorf("%d bytes: %s", len(p), p)
			}
		}
	}
	p := appendTick(make([]byte, 0, tickBytes), tick{1, 2, 3}, 4)
	if n := testing.AllocsPerRun(100, func() { parseTick(p) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// What parses says the same when it is written again, but for the price.
func FuzzParseTick(f *testing.F) {
	f.Add(appendTick(nil, tick{7, 42, 12_345_678}, 51_234))
	f.Add([]byte(`{"token":"NSE:100001","n":100000001,"t":1000000000}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		tk, ok := parseTick(p)
		if !ok {
			return
		}
		if again, ok := parseTick(appendTick(nil, tk, 10_000)); !ok || again != tk {
			t.Errorf("%s: %v, then %v", p, tk, again)
		}
	})
}

func BenchmarkParseTick(b *testing.B) {
	p := appendTick(nil, tick{7, 42, 12_345_678}, 51_234)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := parseTick(p); !ok {
			b.Fatal("no tick")
		}
	}
}
