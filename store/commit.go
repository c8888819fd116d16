package store

import "fmt"

// Commit makes the changes of b durable: after nil they survive a killed
// process and a power cut. They are visible a little earlier. Commits of
// several goroutines share the disk's sync. b may be used again.
func (s *Store) Commit(b *Batch) error { return s.commit(b, s.sync) }

// CommitNoSync makes the changes of b visible at once and durable some time
// later, at the latest with the next Commit or Close. A crash may lose them,
// uncounted: it is for what can be had again, such as last ticks.
func (s *Store) CommitNoSync(b *Batch) error { return s.commit(b, s.db.apply) }

// commit checks and prepares b, and has it written.
func (s *Store) commit(b *Batch, write func(write) error) error {
	if b.Len() == 0 {
		return nil
	}
	if err := b.check(); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.users.Done()
	defer s.log.fatalPanic()
	w, err := s.db.prepare(b)
	if err != nil {
		return fmt.Errorf("store: prepare commit: %w", err)
	}
	if err := write(w); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	return nil
}

// sync queues w, waits for the disk, and notes that it was acknowledged.
func (s *Store) sync(w write) error {
	n, err := s.begin(w)
	if err != nil {
		return err
	}
	if err := w.wait(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := s.ack.raise(n); err != nil {
		s.log.trouble(err.Error()) // the commit itself is safe
	}
	return nil
}

// begin numbers w and queues it under one lock, so that a commit on the disk
// implies all those with smaller numbers.
func (s *Store) begin(w write) (uint64, error) {
	s.commits.Lock()
	defer s.commits.Unlock()
	n := s.seq + 1
	if err := s.db.begin(w, n); err != nil {
		return 0, err
	}
	s.seq = n
	return n, nil
}
