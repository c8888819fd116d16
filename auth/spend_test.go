package auth

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// In any time a purse lets through what the rates bring, the burst, and one send, and who
// keeps within them never waits.
func TestPurse(t *testing.T) {
	l := &VendorLimits{Messages: 100, Bytes: 10_000}
	start := time.Unix(1_800_000_000, 0)
	for range 200 {
		var p purse
		p.init(start)
		now := start
		var messages, bytes, last int
		for range 300 {
			now = now.Add(rand.N(40 * time.Millisecond))
			m, b := 1+rand.IntN(3), rand.IntN(400)
			wait, ok := p.spend(now, l, m, b)
			if !ok {
				if wait <= 0 {
					t.Fatal("refused without a wait")
				}
				continue
			}
			if wait > spendWaitMax {
				t.Fatalf("waits %v", wait)
			}
			messages, bytes, last = messages+m, bytes+b, b
			at := now.Add(wait).Sub(start).Seconds() + spendBurst.Seconds()
			if float64(messages-3) > 100*at+1 || float64(bytes-last) > 10_000*at+1 {
				t.Fatalf("%d messages, %d bytes after %.2f s", messages, bytes, at-1)
			}
		}
	}
	var p purse
	p.init(start)
	for i := range 1000 {
		if wait, ok := p.spend(start.Add(time.Duration(i)*10*time.Millisecond), l, 1, 100); !ok || wait > 0 {
			t.Fatalf("within the rate: %v %v", wait, ok)
		}
	}
	if x := p.spent(start.Add(10 * time.Second)); x.Messages != 1000 || x.MessagesPerS != 100 ||
		x.BytesPerS != 10_000 || x.Slowed+x.Refused != 0 {
		t.Errorf("%+v", x)
	}
	if x := p.spent(start.Add(time.Minute)); x.MessagesPerS != 0 || x.Bytes != 100_000 {
		t.Errorf("%+v", x)
	}
	var one purse
	one.init(start)
	if wait, ok := one.spend(start, &VendorLimits{Bytes: 1}, 1, 16<<10); !ok || wait != 0 {
		t.Errorf("one large message: %v %v", wait, ok)
	}
	if wait, ok := one.spend(start, &VendorLimits{Bytes: 1}, 1, 1); ok || wait < time.Hour {
		t.Errorf("after it: %v %v", wait, ok)
	}
}

func TestSpend(t *testing.T) {
	o := cheap()
	o.Now = newClock().now // time stands still
	s := serve(t, o)
	broker(t, s, "ann")
	if err := s.Spend(bg, "nobody", 1, 1); err != ErrNoVendor {
		t.Errorf("no vendor: %v", err)
	}
	if err := s.Spend(bg, "ann", 1_000_000, 1_000_000_000); err != nil {
		t.Errorf("no limits: %v", err)
	}
	_ = s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Messages = 10 })
	for range 11 {
		if err := s.Spend(bg, "ann", 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if err := s.Spend(ctx, "ann", 1000, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("slowed: %v", err)
	}
	var we *WaitError
	if err := s.Spend(bg, "ann", 1, 0); !errors.As(err, &we) || we.After < time.Minute {
		t.Errorf("far beyond: %v", err)
	}
	if i, _ := s.Vendor("ann"); i.Usage.Slowed == 0 || i.Usage.Refused != 1 {
		t.Errorf("%+v", i.Usage)
	}
}
