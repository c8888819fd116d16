package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// A cost is how dear one hash is.
type cost struct {
	time   uint32 // passes
	memory uint32 // KiB
}

// A credential is a password's argon2id hash (RFC 9106, one lane) and what is
// needed to make it again.
type credential struct {
	cost cost
	salt [saltBytes]byte
	hash [hashBytes]byte
}

// A hasher makes password hashes, a few at a time, so that hashing leaves
// cores for the event loops. Further calls wait in a bounded line.
type hasher struct {
	// Fixed after newHasher.
	cost  cost
	dummy credential // what passwords of unknown names are compared with
	line  int32      // may wait
	slots chan struct{}

	waiting atomic.Int32
	hashes  atomic.Uint64
	busy    atomic.Uint64 // refused with ErrBusy
}

func newHasher(c cost, concurrent, line int) *hasher {
	h := &hasher{cost: c, line: int32(line), slots: make(chan struct{}, concurrent)}
	h.dummy.cost = c
	rand.Read(h.dummy.salt[:]) // never fails
	rand.Read(h.dummy.hash[:])
	return h
}

// enter waits for a slot until ctx ends. The caller calls leave.
func (h *hasher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("auth: hash password: %w", err)
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > h.line {
		h.waiting.Add(-1)
		h.busy.Add(1)
		return ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("auth: wait to hash password: %w", ctx.Err())
	}
}

func (h *hasher) leave() { <-h.slots }

// make hashes a new password.
func (h *hasher) make(ctx context.Context, password string) (credential, error) {
	if err := h.enter(ctx); err != nil {
		return credential{}, err
	}
	defer h.leave()
	c := credential{cost: h.cost}
	rand.Read(c.salt[:])
	h.fill(&c.hash, password, &c)
	return c, nil
}

// check reports whether password made c.
func (h *hasher) check(ctx context.Context, password string, c *credential) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	var got [hashBytes]byte
	h.fill(&got, password, c)
	return subtle.ConstantTimeCompare(got[:], c.hash[:]) == 1, nil
}

func (h *hasher) fill(dst *[hashBytes]byte, password string, c *credential) {
	h.hashes.Add(1)
	p := []byte(password)
	copy(dst[:], argon2.IDKey(p, c.salt[:], c.cost.time, c.cost.memory, 1, hashBytes))
	clear(p)
}
