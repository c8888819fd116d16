package client

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// Whatever a server says, in whatever order: what an account counts adds up, the sum
// is that of the accounts, no tick is passed on twice, what is passed on after a hole
// says so, and none counts as skipped that no skip has told of.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		l.begin(1)
		tokens := []string{"A", "B"}
		seen := map[string]uint64{}
		said := map[string]uint64{} // skipped, by skips
		small := rapid.Uint64Range(0, 12)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			token := rapid.SampledFrom(tokens).Draw(t, "token")
			seq := small.Draw(t, "seq")
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0:
				r := &request{verb: subscribe}
				if rapid.Bool().Draw(t, "resumes") {
					r.from = []uint64{seq}
				}
				l.hold(Held{Token: token, Seq: seq}, r)
				seen[token] = 0
			case 1:
				l.gap(Gap{token, small.Draw(t, "from"), seq,
					rapid.SampledFrom([]GapReason{GapRing, GapEpoch, GapFeed, "new"}).Draw(t, "reason")})
				seen[token] = 0
			case 2:
				count := small.Draw(t, "count")
				l.skip(token, count, seq)
				said[token] += count
			case 3:
				l.beat(seq, small.Draw(t, "pending"), time.Now())
			case 4:
				l.giveUp(token)
			case 5:
				if seq == 0 {
					l.release(token)
				} else if seq == 1 {
					l.begin(small.Draw(t, "epoch"))
				}
			default:
				x := Tick{Token: token, Seq: seq, Snap: rapid.IntRange(0, 5).Draw(t, "snap") == 0}
				before := l.entries[token]
				news, _ := l.tick(&x)
				if news && !x.Snap && seq <= seen[token] {
					t.Fatalf("%+v after %d", x, seen[token])
				}
				if news && before == nil {
					t.Fatalf("%+v is of no token held", x)
				}
				if news {
					seen[token] = seq
				}
			}
			checkLedger(t, l)
			if e := l.entries[token]; e != nil && e.Skipped > said[token] {
				t.Fatalf("%d skipped, of %d nothing was said", e.Skipped, e.Skipped-said[token])
			}
		}
	})
}

func checkLedger(t *rapid.T, l *ledger) {
	sum, broken := uint64(0), 0
	for _, e := range l.entries {
		if e.Last-e.Base != e.Received+e.Skipped+e.Gapped+e.Lost {
			t.Fatalf("account %+v does not add up", e.Account)
		}
		if e.on {
			sum += e.Last
		}
		if e.broken {
			broken++
		}
	}
	if sum != l.sum || broken != l.broken {
		t.Fatalf("sum %d of %d, %d broken of %d", l.sum, sum, l.broken, broken)
	}
}

func TestTypedCloseLeavesNothing(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.end(closeLost, "")
	f.lose("A", 1)
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 2)
	f.connected("A")
	s.Close()
	f.srv.CloseClientConnections()
	f.srv.Close()
	goleak.VerifyNone(t)
}

func BenchmarkLedger(b *testing.B) {
	l := newLedger()
	l.begin(1)
	l.hold(Held{Token: "NSE:26009"}, &request{verb: subscribe})
	x := Tick{Token: "NSE:26009"}
	b.ReportAllocs()
	for range b.N {
		x.Seq++
		if news, _ := l.tick(&x); !news {
			b.Fatal("not news")
		}
	}
}
