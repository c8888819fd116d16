package inbox

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"azira/store"
)

// BenchmarkSend sends to many inboxes from so many callers at once: each waits for the
// disk, and those that wait share a commit.
func BenchmarkSend(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			s := open(b, Options{})
			var n atomic.Int64
			d := Draft{From: "v", Content: make([]byte, 200)}
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					to := fmt.Sprint("c", n.Add(1)%10_000)
					if _, err := s.Send(context.Background(), to, d); err != nil {
						b.Error(err)
					}
				}
			})
			st := s.Stats()
			b.ReportMetric(float64(st.Accepted)/float64(st.Commits), "messages/commit")
		})
	}
}

// BenchmarkTo10000 brings one message to 10,000 clients: as one to their group, as lists
// of 1,000 names, and one by one from 64 callers.
func BenchmarkTo10000(b *testing.B) {
	const clients = 10_000
	name := func(i int) string { return fmt.Sprintf("client-%05d", i) }
	d := Draft{From: "v", Content: make([]byte, 200)}
	ways := map[string]func(*Service) error{
		"group": func(s *Service) error {
			_, err := s.SendGroup(context.Background(), "v", d)
			return err
		},
		"lists": func(s *Service) error {
			for i := 0; i < clients; i += RecipientsMax {
				var to []string
				for k := range RecipientsMax {
					to = append(to, name(i+k))
				}
				if _, err := s.SendMany(context.Background(), to, d); err != nil {
					return err
				}
			}
			return nil
		},
		"single": func(s *Service) error {
			const callers = 64
			failed := make(chan error, callers)
			for w := range callers {
				go func() {
					var err error
					for i := w; i < clients && err == nil; i += callers {
						_, err = s.Send(context.Background(), name(i), d)
					}
					failed <- err
				}()
			}
			var err error
			for range callers {
				err = cmp.Or(err, <-failed)
			}
			return err
		},
	}
	for way, send := range ways {
		b.Run(way, func(b *testing.B) {
			s := open(b, Options{})
			if err := send(s); err != nil {
				b.Fatal(err)
			}
			bytes, records := s.weigh(b)
			for b.Loop() {
				if err := send(s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(bytes, "store-bytes")
			b.ReportMetric(records, "records")
		})
	}
}

// weigh says how much the store has of messages.
func (s *Service) weigh(b *testing.B) (bytes, records float64) {
	err := s.store.Scan(store.TableInbox, nil, func(k, v []byte) error {
		bytes += float64(len(k) + len(v))
		records++
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes, records
}

// BenchmarkDeliver sends to an account with a stream and waits until that has it.
func BenchmarkDeliver(b *testing.B) {
	s := open(b, Options{})
	f := &landing{came: make(chan struct{}, 1)}
	f.seat = s.Sit("ann", f)
	f.seat.Opened()
	time.Sleep(10 * time.Millisecond)
	d := Draft{From: "v", Content: make([]byte, 200)}
	for b.Loop() {
		r, err := s.Send(context.Background(), "ann", d)
		if err != nil {
			b.Fatal(err)
		}
		<-f.came
		f.seat.Ack(r.ID)
	}
}

// A landing is a stream that takes everything at once.
type landing struct {
	seat *Seat
	came chan struct{}
}

func (f *landing) Post([]byte) {
	f.came <- struct{}{}
	go f.seat.Took(true)
}

// BenchmarkSeats opens streams of accounts that have no messages, each of another account,
// and says what one holds in memory.
func BenchmarkSeats(b *testing.B) {
	const n = 10_000
	s := open(b, Options{})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("client-%05d", i)
	}
	for b.Loop() {
		before := heap()
		seats := make([]*Seat, n)
		for i := range seats {
			seats[i] = s.Sit(names[i], &landing{})
			seats[i].Opened()
		}
		time.Sleep(time.Second) // until all are looked at
		b.ReportMetric(float64(heap()-before)/n, "bytes/stream")
		for _, st := range seats {
			st.Ended()
		}
		time.Sleep(time.Second)
	}
}
