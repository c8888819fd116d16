package inbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"azira/store"
)

// Options of a Service. The zero value is good.
type Options struct {
	Logger       *slog.Logger  // slog.Default() if nil
	ContentBytes int           // of a message at most, 16 KiB
	MessagesMax  int           // kept of each log, 1,000
	BytesMax     int64         // kept of each log, 16 MiB
	KeptFor      time.Duration // 7 days

	// Groups are those whose messages an account gets. None if nil.
	Groups func(username string) ([]Membership, error)

	// Now is the clock; time.Now if nil. Sure is the one by which what is too old goes for
	// good: the zero time if nothing is; Now if nil.
	Now, Sure func() time.Time
}

// A Membership says that an account gets the messages of a group with From < id ≤ To; To
// is 0 while it lasts.
type Membership struct {
	Group    string
	From, To uint64
}

// A Service is all of this package over one store. Its methods are safe for any
// goroutine. They may wait for the disk, except those of a Seat.
type Service struct {
	// Fixed.
	store *store.Store
	o     Options
	jobs  chan *job

	// Shared.
	committed atomic.Uint64 // the greatest id that readers may see
	closing   chan struct{}
	running   sync.WaitGroup // but for the next
	serving   sync.WaitGroup // of desks
	floor     floor
	counts    counts

	// Owned by the sequencer.
	last  uint64            // the greatest id given
	heads map[string]header // of logs, as the store has them: those looked at lately
}

type counts struct {
	accepted, repeated, dropped, delivered, again, acks, rounds atomic.Uint64
}

// Stats are counts since Open, and what is held now.
type Stats struct {
	Accepted    uint64 // messages
	Repeated    uint64 // known by their idempotency key
	Dropped     uint64 // for want of room
	Delivered   uint64 // handed to streams that took them
	Redelivered uint64 // of them, marked so
	Acks        uint64
	Commits     uint64
	Seats       int // streams that take messages
	Desks       int // accounts that have some
}

// Open starts a Service on st, which it doesn't close.
func Open(st *store.Store, o Options) (*Service, error) {
	o.Logger = cmp.Or(o.Logger, slog.Default())
	o.ContentBytes = cmp.Or(o.ContentBytes, contentBytes)
	o.MessagesMax = cmp.Or(o.MessagesMax, messagesMax)
	o.BytesMax = cmp.Or(o.BytesMax, bytesMax)
	o.KeptFor = cmp.Or(o.KeptFor, keptFor)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sure == nil {
		o.Sure = o.Now
	}
	if o.Groups == nil {
		o.Groups = func(string) ([]Membership, error) { return nil, nil }
	}
	s := &Service{
		store: st, o: o, jobs: make(chan *job, jobsMax), closing: make(chan struct{}),
		heads: map[string]header{},
	}
	p, err := st.Get(store.TableInbox, []byte{keyHigh})
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case len(p) != 8:
		return nil, ErrRecord
	default:
		s.last = binary.BigEndian.Uint64(p)
	}
	s.committed.Store(s.last)
	s.floor.init()
	s.running.Go(s.sequence)
	s.running.Go(s.sweep)
	s.running.Go(s.remind)
	for range max(2, runtime.GOMAXPROCS(0)) {
		s.serving.Go(s.serve)
	}
	return s, nil
}

// Close ends the background work, when all seats are Ended. What was accepted is on the
// disk already.
func (s *Service) Close() {
	s.floor.close()
	s.serving.Wait()
	close(s.closing)
	s.running.Wait()
}

// remind has those looked at who wait for time to pass.
func (s *Service) remind() {
	t := time.NewTicker(turnPatience / 2)
	defer t.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-t.C:
			s.floor.remind()
		}
	}
}

// Mark is the greatest id given: a group's messages after it are for who joins now.
func (s *Service) Mark() uint64 { return s.committed.Load() }

// Stats may be called from any goroutine.
func (s *Service) Stats() Stats {
	c := &s.counts
	seats, desks := s.floor.count()
	return Stats{
		Accepted: c.accepted.Load(), Repeated: c.repeated.Load(), Dropped: c.dropped.Load(),
		Delivered: c.delivered.Load(), Redelivered: c.again.Load(), Acks: c.acks.Load(),
		Commits: c.rounds.Load(), Seats: seats, Desks: desks,
	}
}

// Check says whether a message would be taken: ErrDraft if it is too large.
func (s *Service) Check(d *Draft) error { return d.check(s.o.ContentBytes) }

// Send brings a message to an account. After nil it survives a crash.
func (s *Service) Send(ctx context.Context, to string, d Draft) (Receipt, error) {
	return s.SendMany(ctx, []string{to}, d)
}

// SendMany brings one message to several accounts, all or none.
func (s *Service) SendMany(ctx context.Context, to []string, d Draft) (Receipt, error) {
	if len(to) == 0 || len(to) > RecipientsMax {
		return Receipt{}, ErrDraft
	}
	logs := make([]string, len(to))
	for i, name := range to {
		logs[i] = ownLog(name)
	}
	return s.accept(ctx, logs, &d)
}

// SendGroup brings one message to all members of a group. It is stored once.
func (s *Service) SendGroup(ctx context.Context, group string, d Draft) (Receipt, error) {
	return s.accept(ctx, []string{groupLog(group)}, &d)
}

func (s *Service) accept(ctx context.Context, logs []string, d *Draft) (Receipt, error) {
	d.Kind = cmp.Or(d.Kind, "text")
	if err := s.Check(d); err != nil {
		return Receipt{}, err
	}
	j := newJob()
	j.do = func(r *round) error { return r.post(j, logs, d) }
	err := s.run(ctx, j)
	return Receipt{j.id}, err
}

// Ack acknowledges an account's messages up to an id, for all its streams.
func (s *Service) Ack(ctx context.Context, username string, id uint64) error {
	id = min(id, s.committed.Load())
	j := newJob()
	j.do = func(r *round) error { return r.ack(username, id, id) }
	if err := s.run(ctx, j); err != nil {
		return err
	}
	s.floor.regroup(username)
	return nil
}

// SetTurns has each message to an account go to one of its streams in turn, or again to
// all of them.
func (s *Service) SetTurns(ctx context.Context, username string, on bool) error {
	j := newJob()
	j.do = func(r *round) error { return r.setTurns(username, on) }
	if err := s.run(ctx, j); err != nil {
		return err
	}
	s.floor.regroup(username)
	return nil
}

// Turns says whether each message to an account goes to one of its streams.
func (s *Service) Turns(username string) (bool, error) {
	c, err := s.cursor(username)
	return c.turns, err
}

// Remove forgets an account's messages, and what it sent to its own group.
func (s *Service) Remove(ctx context.Context, username string) error {
	if known, err := s.knows(username); !known {
		return err
	}
	j := newJob()
	j.do = func(r *round) error { return r.remove(username) }
	return s.run(ctx, j)
}

// knows says whether there is anything of an account.
func (s *Service) knows(username string) (bool, error) {
	for _, key := range [][]byte{
		headerKey(ownLog(username)), headerKey(groupLog(username)), cursorKey(username),
	} {
		_, err := s.store.Get(store.TableInbox, key)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return err == nil, err
		}
	}
	known := false
	err := s.store.Scan(store.TableInbox, receiptPrefix(username), func(_, _ []byte) error {
		known = true
		return store.ErrStop
	})
	return known, err
}

// Regrouped tells that the groups of an account have changed. It does not wait, and may be
// called from anywhere.
func (s *Service) Regrouped(username string) { s.floor.regroup(username) }

// Regroup is Regrouped that also notes how far the account is in its groups.
func (s *Service) Regroup(ctx context.Context, username string) error {
	j := newJob()
	j.do = func(r *round) error { return r.regroup(username) }
	if err := s.run(ctx, j); err != nil {
		return err
	}
	s.floor.regroup(username)
	return nil
}

func (s *Service) nowID() uint64 { return idAt(s.o.Now()) }

func idAt(t time.Time) uint64 { return uint64(max(0, t.UnixMicro())) }

// horizon is the id up to which messages are too old to be seen.
func (s *Service) horizon() uint64 { return before(s.o.Now(), s.o.KeptFor) }

// gone is the id up to which messages, for it is sure that they are too old, may go.
func (s *Service) gone() uint64 { return before(s.o.Sure(), s.o.KeptFor) }

// before is the id of so long ago.
func before(t time.Time, d time.Duration) uint64 {
	id, ago := idAt(t), uint64(d.Microseconds())
	return id - min(id, ago)
}

func (s *Service) cursor(username string) (cursor, error) {
	p, err := s.store.Get(store.TableInbox, cursorKey(username))
	if errors.Is(err, store.ErrNotFound) {
		return cursor{}, nil
	}
	if err != nil {
		return cursor{}, err
	}
	return parseCursor(p)
}

func (s *Service) header(log string) (header, error) {
	p, err := s.store.Get(store.TableInbox, headerKey(log))
	if errors.Is(err, store.ErrNotFound) {
		return header{first: 1}, nil
	}
	if err != nil {
		return header{}, err
	}
	return parseHeader(p)
}

// A source is a part of a log that an inbox shows: the messages with from < id ≤ to.
type source struct {
	log      string
	from, to uint64
}

// sources are those of an account; its own log is the first.
func (s *Service) sources(username string) ([]source, error) {
	groups, err := s.o.Groups(username)
	if err != nil {
		return nil, err
	}
	list := make([]source, 1, 1+len(groups))
	list[0] = source{ownLog(username), 0, math.MaxUint64}
	for _, g := range groups {
		x := source{groupLog(g.Group), g.From, g.To}
		if x.to == 0 {
			x.to = math.MaxUint64
		}
		list = append(list, x)
	}
	return list, nil
}
