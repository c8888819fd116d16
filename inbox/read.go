package inbox

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"azira/store"
)

// number is that of a source's last message up to an id: how far somebody is who has
// read so far.
func (s *Service) number(x *source, id uint64) (n uint64, err error) {
	id = min(id, x.to)
	found := false
	get := func(_, value []byte) error {
		e, err := parseRecord(value)
		n, found = e.n, true
		return cmp.Or(err, store.ErrStop)
	}
	err = s.store.ScanBack(store.TableInbox, logPrefix(x.log), beyond(x.log, id), get)
	if err != nil || found {
		return n, err
	}
	// All up to it are gone: the next one's number tells or, if there is none, the header
	// as it was before that was looked for.
	h, err := s.header(x.log)
	if err != nil {
		return 0, err
	}
	err = s.store.ScanFrom(store.TableInbox, logPrefix(x.log), beyond(x.log, id), get)
	if err != nil || found {
		return max(n, 1) - 1, err
	}
	return h.last, nil
}

// A look is what a reader wants of an inbox.
type look struct {
	after, upto uint64 // after < id ≤ upto
	most        int    // messages
	room        int    // bytes of their records, or one message
	newest      bool   // the newest first
}

// read returns the messages of several sources by id. more says that there are others.
func (s *Service) read(list []source, v look) (out []entry, more bool, err error) {
	v.after = max(v.after, s.horizon())
	v.upto = min(v.upto, s.committed.Load())
	edge, cut := uint64(math.MaxUint64), false // what is beyond it was not looked at everywhere
	if v.newest {
		edge = 0
	}
	for i := range list {
		some, all, err := s.readOne(list, i, v)
		if err != nil {
			return nil, false, err
		}
		if !all {
			last := some[len(some)-1].ID
			if cut = true; v.newest {
				edge = max(edge, last)
			} else {
				edge = min(edge, last)
			}
		}
		out = append(out, some...)
	}
	slices.SortFunc(out, func(a, b entry) int {
		if v.newest {
			return cmp.Compare(b.ID, a.ID)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	if cut {
		i := slices.IndexFunc(out, func(e entry) bool {
			return !v.newest && e.ID > edge || v.newest && e.ID < edge
		})
		if i >= 0 {
			out = out[:i]
		}
	}
	size := 0
	for i := range out {
		size += out[i].size
		if i == v.most || i > 0 && size > v.room {
			return out[:i], true, nil
		}
	}
	return out, cut, nil
}

// readOne reads one source; all says whether that is everything of it.
func (s *Service) readOne(list []source, i int, v look) (out []entry, all bool, err error) {
	x := &list[i]
	after, upto := max(v.after, x.from), min(v.upto, x.to)
	if upto <= after {
		return nil, true, nil
	}
	size := 0
	all = true
	take := func(key, value []byte) error {
		id := idOf(key)
		switch {
		case !v.newest && id > upto, v.newest && id <= after:
			return store.ErrStop
		case len(out) > v.most, len(out) > 1 && size > v.room: // one more tells that there is more
			all = false
			return store.ErrStop
		}
		e, err := parseRecord(value)
		if err != nil {
			return err
		}
		e.ID, e.source = id, i
		if x.log[0] == 'g' {
			e.Group = x.log[1:]
		}
		size += e.size
		out = append(out, e)
		return nil
	}
	if v.newest {
		err = s.store.ScanBack(store.TableInbox, logPrefix(x.log), beyond(x.log, upto), take)
	} else {
		err = s.store.ScanFrom(store.TableInbox, logPrefix(x.log), beyond(x.log, after), take)
	}
	if err != nil {
		return nil, false, err
	}
	for i := range out {
		if err := s.fill(&out[i]); err != nil {
			return nil, false, err
		}
	}
	return out, all, nil
}

// fill gets a body that lies elsewhere.
func (s *Service) fill(e *entry) error {
	if !e.shared {
		return nil
	}
	p, err := s.store.Get(store.TableInbox, bodyKey(e.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil // too old: it is being swept away
	}
	if err != nil {
		return err
	}
	return parseBody(p, &e.Message)
}

// A Query says which messages of an inbox are wanted. Bounds are ids, which are times in
// Unix µs: After < id ≤ Upto.
type Query struct {
	After, Upto uint64 // Upto 0 = all there are
	Limit       int    // 1 to 500
	Newest      bool   // the newest first
}

// A Page is a part of an inbox.
type Page struct {
	Messages []Message
	More     bool
	Acked    uint64 // id up to which the account has acknowledged
	Unread   uint64 // messages beyond that
}

// Messages returns a page of an account's inbox. Whoever goes on behind the last id of a
// page misses nothing and sees nothing twice, whatever is sent meanwhile.
func (s *Service) Messages(username string, q Query) (Page, error) {
	list, err := s.sources(username)
	if err != nil {
		return Page{}, err
	}
	if q.Upto == 0 {
		q.Upto = math.MaxUint64
	}
	out, more, err := s.read(list, look{
		after: q.After, upto: q.Upto, most: min(max(q.Limit, 1), historyMost), room: scanBytes,
		newest: q.Newest,
	})
	if err != nil {
		return Page{}, err
	}
	c, err := s.cursor(username)
	if err != nil {
		return Page{}, err
	}
	p := Page{Messages: make([]Message, len(out)), More: more, Acked: c.acked}
	for i := range out {
		out[i].Unread = out[i].ID > c.acked
		p.Messages[i] = out[i].Message
	}
	p.Unread, err = s.unread(list, &c)
	return p, err
}

// unread counts by the numbers that messages have in their logs.
func (s *Service) unread(list []source, c *cursor) (unread uint64, err error) {
	for i := range list {
		x := &list[i]
		from, err := s.number(x, max(c.acked, x.from, s.horizon()))
		if err != nil {
			return 0, err
		}
		to, err := s.number(x, s.committed.Load())
		if err != nil {
			return 0, err
		}
		unread += to - min(from, to)
	}
	return unread, nil
}

// Sender says who sent a message that an account has.
func (s *Service) Sender(username string, id uint64) (string, error) {
	list, err := s.sources(username)
	if err != nil {
		return "", err
	}
	if id == 0 || id == math.MaxUint64 {
		return "", ErrNoMessage
	}
	out, _, err := s.read(list, look{after: id - 1, upto: id, most: 1})
	if err == nil && len(out) == 0 {
		err = ErrNoMessage
	}
	if err != nil {
		return "", err
	}
	return out[0].From, nil
}
