package auth

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A purse is what a vendor may send: two buckets, and the books. Who has overdrawn one
// waits until the debt is paid, so that a sender beyond its limit is slowed; with more
// than spendWaitMax to wait it is refused. Whoever owes nothing may send at once, however
// much: so no limit is too low for one message.
type purse struct {
	mu              sync.Mutex
	messages, bytes bucket
	sent            Spent
	second          int64 // Unix; of the counts below
	now, before     struct{ messages, bytes uint64 }
}

// A bucket fills by its rate and holds what that brings in spendBurst.
type bucket struct {
	free time.Time // when the debt is paid; the past = how full it is
}

// Spent is what a vendor has sent since the server's start, and in the last whole second.
type Spent struct {
	Messages, Bytes         uint64
	MessagesPerS, BytesPerS uint64
	Slowed, Refused         uint64 // sends
}

func (p *purse) init(now time.Time) {
	p.messages.free, p.bytes.free = now.Add(-spendBurst), now.Add(-spendBurst)
}

// wait is for how long who wants to take from it must wait.
func (b *bucket) wait(now time.Time) time.Duration { return max(0, b.free.Sub(now)) }

// take takes n at a rate, 0 = without a limit.
func (b *bucket) take(now time.Time, n, rate int) {
	if earliest := now.Add(-spendBurst); b.free.Before(earliest) {
		b.free = earliest
	}
	if rate > 0 {
		b.free = b.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	}
}

// spend takes what a send costs and returns how long it must wait before it is made, or,
// with ok false, when to ask again.
func (p *purse) spend(now time.Time, l *VendorLimits, messages, bytes int) (
	wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Messages > 0 {
		wait = p.messages.wait(now)
	}
	if l.Bytes > 0 {
		wait = max(wait, p.bytes.wait(now))
	}
	if wait > spendWaitMax {
		p.sent.Refused++
		return wait - spendWaitMax, false
	}
	if wait > 0 {
		p.sent.Slowed++
	}
	p.messages.take(now, messages, l.Messages)
	p.bytes.take(now, bytes, l.Bytes)
	p.turn(now)
	p.sent.Messages += uint64(messages)
	p.sent.Bytes += uint64(bytes)
	p.now.messages += uint64(messages)
	p.now.bytes += uint64(bytes)
	return wait, true
}

// turn begins another second's counts when it is time.
func (p *purse) turn(now time.Time) {
	switch sec := now.Unix(); sec {
	case p.second:
		return
	case p.second + 1:
		p.before = p.now
	default:
		p.before.messages, p.before.bytes = 0, 0
	}
	p.second = now.Unix()
	p.now.messages, p.now.bytes = 0, 0
}

func (p *purse) spent(now time.Time) Spent {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	x := p.sent
	x.MessagesPerS, x.BytesPerS = p.before.messages, p.before.bytes
	return x
}

// Spend is called before a vendor's messages are accepted, with their number and the
// bytes of their content. It waits up to 2 s for the vendor's limits. Where that is not
// enough it takes nothing: *WaitError. Besides: ErrNoVendor, the error of ctx.
func (s *Service) Spend(ctx context.Context, vendor string, messages, bytes int) error {
	v, err := s.named(vendor)
	if err != nil {
		return err
	}
	wait, ok := v.purse.spend(s.now(), v.limits.Load(), messages, bytes)
	if !ok {
		return &WaitError{wait}
	}
	if wait == 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A WaitError says when a vendor that has sent too much may try again.
type WaitError struct{ After time.Duration }

func (e *WaitError) Error() string { return fmt.Sprintf("auth: wait %v", e.After) }

// A VendorLimitError says that all streams of a vendor's accounts are taken.
type VendorLimitError struct{ Streams int }

func (e *VendorLimitError) Error() string {
	return fmt.Sprintf("auth: vendor limit %d reached", e.Streams)
}
