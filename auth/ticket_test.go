package auth

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTicketIsSingleUse(t *testing.T) {
	s := serve(t, cheap())
	id := verify(t, s, register(t, s, "ann").AccessToken)
	for range 10 {
		k, err := s.MintTicket(id)
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				got, err := s.RedeemTicket(k)
				if err == nil && got == id {
					won.Add(1)
				} else if !errors.Is(err, ErrTicket) {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("redeemed %d times", won.Load())
		}
	}
	if n := s.Stats().Tickets; n != 0 {
		t.Errorf("%d left", n)
	}
}

func TestTicketRefusals(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	k, err := s.MintTicket(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", k + "A", k[1:], strings.Repeat("A", 43),
		strings.Repeat("=", 43), strings.Repeat("x", 1<<20)} {
		if _, err := s.RedeemTicket(text); !errors.Is(err, ErrTicket) {
			t.Errorf("%.50q: %v", text, err)
		}
	}
	late, err := s.MintTicket(id)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute - time.Second)
	if _, err := s.RedeemTicket(k); err != nil {
		t.Errorf("after 59 s: %v", err)
	}
	c.pass(time.Second)
	if _, err := s.RedeemTicket(late); !errors.Is(err, ErrTicket) {
		t.Errorf("after 60 s: %v", err)
	}
}

func TestTicketsAreBounded(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now, o.TicketsMax = c.now, 100
	s := serve(t, o)
	ann := verify(t, s, register(t, s, "ann").AccessToken)
	bob := verify(t, s, register(t, s, "bob").AccessToken)
	mint := func(id Identity, tries int) (n int) {
		for range tries {
			if _, err := s.MintTicket(id); err == nil {
				n++
			} else if !errors.Is(err, ErrTicketLimit) {
				t.Fatal(err)
			}
		}
		return n
	}
	if n := mint(ann, 200); n != ticketsPerAccountMax {
		t.Errorf("one account has %d", n)
	}
	if n := mint(bob, 200); n != 100-ticketsPerAccountMax {
		t.Errorf("the rest is %d", n)
	}
	c.pass(time.Minute)
	if n := mint(bob, 200); n != ticketsPerAccountMax {
		t.Errorf("after all expired: %d", n)
	}
	c.pass(time.Minute)
	s.tickets.expire(c.now())
	// Minted and redeemed at once: what is spent takes no room for long.
	for range 10_000 {
		k, err := s.MintTicket(ann)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.RedeemTicket(k); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.tickets.queue); n > 2*o.TicketsMax {
		t.Errorf("queue of %d for %d tickets", n, o.TicketsMax)
	}
	if x := &s.tickets; x.len() != 0 || len(x.of) != 0 {
		t.Errorf("%d tickets, %d accounts", x.len(), len(x.of))
	}
}
