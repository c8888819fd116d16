package inbox

import (
	"bytes"
	"encoding/binary"

	"azira/store"
)

// A round is what goes into one commit.
type round struct {
	s       *Service
	batch   store.Batch
	bytes   int
	logs    map[string]*header
	cursors map[string]*cursor
	keys    map[string]receipt // by their keys in the store
	shares  map[uint64]uint64  // logs that have a shared body, by its id
	posted  []string           // logs that have new messages
	broken  error              // a job was done in part: nothing is written
	lazy    bool               // so far
}

// commit does a job, and those that wait behind it.
func (s *Service) commit(first *job) {
	r := &round{
		s: s, lazy: true, logs: map[string]*header{}, cursors: map[string]*cursor{},
		keys: map[string]receipt{}, shares: map[uint64]uint64{},
	}
	jobs := []*job{first}
	r.take(first)
	for len(jobs) < roundJobs && r.bytes < roundBytes {
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
			r.take(j)
			continue
		default:
		}
		break
	}
	err := r.write()
	r.remember(err)
	if err == nil {
		s.committed.Store(s.last) // before anybody is answered
	}
	for _, j := range jobs {
		if j.err == nil {
			j.err = err
		}
		if j.done != nil {
			close(j.done)
		}
		if j.after != nil {
			j.after(j.err)
		}
	}
	if err == nil {
		s.floor.wake(r.posted)
	}
}

// take does one job, unless the round is lost. One that fails changes nothing, or breaks
// the round.
func (r *round) take(j *job) {
	if j.err = r.broken; j.err == nil {
		j.err = j.do(r)
	}
	if j.err == nil {
		r.lazy = r.lazy && j.lazy
	}
}

// write commits the round.
func (r *round) write() error {
	if r.broken != nil {
		return r.broken
	}
	for log, h := range r.logs {
		if h.last == 0 {
			r.batch.Delete(store.TableInbox, headerKey(log))
		} else {
			r.batch.Set(store.TableInbox, headerKey(log), h.append(nil))
		}
	}
	for name, c := range r.cursors {
		if c.acked == 0 && c.told == 0 && !c.turns && len(c.reach) == 0 {
			r.batch.Delete(store.TableInbox, cursorKey(name))
		} else {
			r.batch.Set(store.TableInbox, cursorKey(name), c.append(nil))
		}
	}
	for id, n := range r.shares {
		if n == 0 {
			r.batch.Delete(store.TableInbox, bodyKey(id))
			r.batch.Delete(store.TableInbox, sharesKey(id))
		} else {
			r.batch.Set(store.TableInbox, sharesKey(id), binary.AppendUvarint(nil, n))
		}
	}
	if r.batch.Len() == 0 {
		return nil
	}
	high := binary.BigEndian.AppendUint64(nil, r.s.last)
	r.batch.Set(store.TableInbox, []byte{keyHigh}, high)
	r.s.counts.rounds.Add(1)
	if r.lazy {
		return r.s.store.CommitNoSync(&r.batch)
	}
	return r.s.store.Commit(&r.batch)
}

// remember keeps the headers of a round that was written, or forgets all after one that
// may not have been.
func (r *round) remember(err error) {
	if err != nil || len(r.s.heads)+len(r.logs) > headsMax {
		clear(r.s.heads)
	}
	if err != nil {
		return
	}
	for log, h := range r.logs {
		h.young = nil
		r.s.heads[log] = *h
	}
}

func (r *round) set(key, value []byte) {
	r.batch.Set(store.TableInbox, key, value)
	r.bytes += len(key) + len(value)
}

func (r *round) drop(key []byte) {
	r.batch.Delete(store.TableInbox, key)
	r.bytes += len(key)
}

// header is that of a log, to be changed.
func (r *round) header(log string) (*header, error) {
	if h := r.logs[log]; h != nil {
		return h, nil
	}
	h, known := r.s.heads[log]
	if !known {
		var err error
		if h, err = r.s.header(log); err != nil {
			return nil, err
		}
	}
	r.logs[log] = &h
	return &h, nil
}

func (r *round) cursor(username string) (*cursor, error) {
	if c := r.cursors[username]; c != nil {
		return c, nil
	}
	c, err := r.s.cursor(username)
	if err != nil {
		return nil, err
	}
	r.cursors[username] = &c
	return &c, nil
}

// nextID is the id of a message accepted now.
func (s *Service) nextID() uint64 {
	s.last = max(s.nowID(), s.last+1)
	return s.last
}

// post appends a message to logs.
func (r *round) post(j *job, logs []string, d *Draft) error {
	var key, print []byte
	if d.Key != "" {
		key, print = receiptKey(d.From, d.Key), d.print(logs)
		known, err := r.receipt(key)
		switch {
		case err != nil:
			return err
		case known.id != 0 && !bytes.Equal(known.print, print):
			return ErrKeyReused
		case known.id != 0:
			j.id = known.id
			r.s.counts.repeated.Add(1)
			return nil
		}
	}
	heads := make([]*header, len(logs))
	for i, log := range logs {
		h, err := r.header(log)
		if err != nil {
			return err
		}
		heads[i] = h
	}
	j.id = r.s.nextID()
	m := Message{From: d.From, Kind: d.Kind, Content: d.Content, ReplyTo: d.ReplyTo}
	if d.TTL > 0 {
		m.Expires = int64(j.id) + d.TTL.Microseconds()
	}
	body, shared := appendBody(nil, &m), len(logs) > 1
	if shared {
		r.set(bodyKey(j.id), body)
		r.shares[j.id] = uint64(len(logs))
	}
	for i, log := range logs {
		if r.broken = r.append(log, heads[i], j.id, body, shared); r.broken != nil {
			return r.broken
		}
	}
	if key != nil {
		x := receipt{j.id, print}
		r.set(key, x.append(nil))
		r.keys[string(key)] = x
	}
	r.posted = append(r.posted, logs...)
	r.s.counts.accepted.Add(1)
	return nil
}

// append adds a message to a log, and lets go what is too much there.
func (r *round) append(log string, h *header, id uint64, body []byte, shared bool) error {
	h.last++
	if h.count() == 1 {
		h.id = id
	}
	rec := appendRecord(nil, h.last, body, shared)
	r.set(messageKey(log, id), rec)
	e, err := parseRecord(rec)
	if err != nil {
		return err
	}
	e.ID = id
	h.bytes += int64(e.size)
	h.young = append(h.young, youngMessage{id, e.size, shared})
	return r.trim(log, h)
}

// ack moves an account's cursor on to an id. told is what was on its way to streams.
func (r *round) ack(username string, id, told uint64) error {
	c, err := r.cursor(username)
	if err != nil {
		return err
	}
	if id <= c.acked {
		c.told = max(c.told, told)
		return nil
	}
	if err := r.reach(username, c, id); err != nil {
		return err
	}
	r.s.counts.acks.Add(1)
	c.acked, c.told = id, max(c.told, told)
	return nil
}

// regroup notes how far an account is in its groups.
func (r *round) regroup(username string) error {
	c, err := r.cursor(username)
	if err != nil {
		return err
	}
	return r.reach(username, c, c.acked)
}

// reach finds the numbers that go with a cursor at id.
func (r *round) reach(username string, c *cursor, id uint64) error {
	list, err := r.s.sources(username)
	if err != nil {
		return err
	}
	reached := make([]reach, 0, len(list))
	for i := range list {
		x := &list[i]
		n, err := r.s.number(x, max(id, x.from))
		if err != nil {
			return err
		}
		was, known := c.of(x)
		if n = max(n, was); !known && i == 0 && id == 0 {
			n = 0
		}
		reached = append(reached, reach{x.log, x.from, n})
	}
	c.reach = reached
	return nil
}

func (r *round) setTurns(username string, on bool) error {
	c, err := r.cursor(username)
	if err == nil {
		c.turns = on
	}
	return err
}
