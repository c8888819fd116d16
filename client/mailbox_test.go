package client

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the order of puts and takes: per token ticks come in order, nothing
// is lost uncounted, the newest always comes, and the queue stays bounded.
func TestMailbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		tokens := rapid.IntRange(1, 6).Draw(t, "tokens")
		m := newMailbox(limit)
		put, got := map[string]int{}, map[string]int{}
		take := func() bool {
			x, ok, _ := m.take()
			if ok {
				got[x.Token] += 1 + int(x.Missed)
				if n, _ := strconv.Atoi(string(x.Data)); n != got[x.Token] {
					t.Fatalf("tick %d of %s after %d received and missed", n, x.Token, got[x.Token])
				}
			}
			return ok
		}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "act") == 0 {
				take()
				continue
			}
			token := strconv.Itoa(rapid.IntRange(1, tokens).Draw(t, "token"))
			put[token]++
			m.put(Tick{Token: token, Data: []byte(strconv.Itoa(put[token]))})
			if n := len(m.queue) - m.head; n > max(limit, 2*tokens) {
				t.Fatalf("%d wait with limit %d and %d tokens", n, limit, tokens)
			}
		}
		for take() {
		}
		for token, n := range put {
			if got[token] != n {
				t.Fatalf("token %s: put %d, received and missed %d", token, n, got[token])
			}
		}
	})
}

func TestMailboxEnd(t *testing.T) {
	m := newMailbox(4)
	m.put(Tick{Token: "A"})
	m.end()
	go m.deliver(nil)
	if got := receive(t, m.out); got.Token != "A" {
		t.Fatalf("got %+v", got)
	}
	finished(t, m.out)
}

func BenchmarkMailbox(b *testing.B) {
	m := newMailbox(0)
	names := make([]string, 1000)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := range b.N {
		m.put(Tick{Token: names[i%len(names)]})
	}
}
