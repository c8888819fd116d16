package store

import (
	"errors"
	"fmt"
)

// Commit makes the changes of b durable: after nil they survive a killed
// process and a power cut. They are visible a little earlier. Commits of
// several goroutines share the disk's sync. b may be used again.
//
// ErrUnwritable says that the disk is full or fails: whether the changes are
// there is known once the database could be opened anew.
func (s *Store) Commit(b *Batch) error { return s.commit(b, (*opened).sync) }

// CommitNoSync makes the changes of b visible at once and durable about a second
// later. A crash or a failure of the disk before that may lose them, uncounted:
// it is for what can be had again, such as last ticks.
func (s *Store) CommitNoSync(b *Batch) error { return s.commit(b, (*opened).apply) }

// commit checks b and has it written.
func (s *Store) commit(b *Batch, write func(*opened, write) error) error {
	if b.Len() == 0 {
		return nil
	}
	if err := b.check(); err != nil {
		return err
	}
	o, err := s.enter()
	if err != nil {
		return err
	}
	defer o.calls.Done()
	return o.commit(b, write)
}

// commit prepares b, which copies it, and waits for the rest to be done or for
// o to fail.
func (o *opened) commit(b *Batch, write func(*opened, write) error) error {
	w, err := o.db.prepare(b)
	if err != nil {
		return fmt.Errorf("store: prepare commit: %w", err)
	}
	err = o.try(func() error { return write(o, w) })
	if err != nil && !errors.Is(err, ErrUnwritable) {
		o.fail(err)
		return ErrUnwritable
	}
	return err
}

// sync queues w, waits for the disk, and notes that it was acknowledged.
func (o *opened) sync(w write) error {
	n, err := o.begin(w)
	if err != nil {
		return err
	}
	if err := w.wait(); err != nil {
		return err
	}
	if err := o.ack.raise(n); err != nil {
		o.log.trouble(err.Error()) // the commit itself is safe
	}
	return nil
}

func (o *opened) apply(w write) error {
	err := o.db.apply(w)
	o.loose.Store(true)
	return err
}

// begin numbers w and queues it under one lock, so that a commit on the disk
// implies all those with smaller numbers.
func (o *opened) begin(w write) (uint64, error) {
	o.commits.Lock()
	defer o.commits.Unlock()
	n := o.seq + 1
	if err := o.db.begin(w, n); err != nil {
		return 0, err
	}
	o.seq = n
	return n, nil
}
