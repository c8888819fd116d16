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
	posted  []string           // logs that have new messages
	broken  error              // a job was done in part: nothing is written
	lazy    bool               // so far
}

// commit does a job, and those that wait behind it.
func (s *Service) commit(first *job) {
	r := &round{
		s: s, lazy: true, logs: map[string]*header{}, cursors: map[string]*cursor{},
		keys: map[string]receipt{},
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
	for _, j := range jobs {
		if j.err == nil {
			j.err = err
		}
		if j.done != nil {
			close(j.done)
		}
		if j.after != nil {
			j.after()
		}
	}
	if err == nil {
		s.committed.Store(s.last)
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
	h, err := r.s.header(log)
	if err != nil {
		return nil, err
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
	body, flags := appendBody(nil, &m), byte(0)
	if len(logs) > 1 {
		r.set(bodyKey(j.id), body)
		body, flags = nil, recordShared
	}
	for i, log := range logs {
		if r.broken = r.append(log, heads[i], j.id, flags, body); r.broken != nil {
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
func (r *round) append(log string, h *header, id uint64, flags byte, body []byte) error {
	h.last++
	if h.count() == 1 {
		h.id = id
	}
	rec := appendRecord(nil, h.last, flags, body)
	r.set(messageKey(log, id), rec)
	h.bytes += int64(len(rec))
	h.young = append(h.young, youngMessage{id, len(rec)})
	return r.trim(log, h)
}

// trim lets the oldest messages of a log go while there are too many, or they are too
// old.
func (r *round) trim(log string, h *header) error {
	horizon := r.s.horizon()
	over := func(id uint64) bool {
		return h.count() > uint64(r.s.o.MessagesMax) || h.bytes > r.s.o.BytesMax || id <= horizon
	}
	if h.count() == 0 || !over(h.id) {
		return nil
	}
	kept := false // the oldest that may stay was found
	visit := func(id uint64, size int) {
		if kept = h.count() == 0 || !over(id); kept {
			h.id = id
			return
		}
		r.drop(messageKey(log, id))
		h.first++
		h.bytes -= int64(size)
		h.id = id + 1
		r.s.counts.dropped.Add(1)
	}
	err := r.s.store.ScanFrom(store.TableInbox, logPrefix(log), messageKey(log, h.id),
		func(key, value []byte) error {
			if visit(idOf(key), len(value)); kept {
				return store.ErrStop
			}
			return nil
		})
	for err == nil && !kept && len(h.young) > 0 {
		if y := h.young[0]; y.id >= h.id {
			visit(y.id, y.size)
		}
		if !kept {
			h.young = h.young[1:]
		}
	}
	return err
}

// ack moves an account's cursor on to an id. told is what was on its way to streams.
func (r *round) ack(username string, id, told uint64) error {
	c, err := r.cursor(username)
	if err != nil {
		return err
	}
	c.told = max(c.told, told)
	if id <= c.acked {
		return nil
	}
	r.s.counts.acks.Add(1)
	c.acked = id
	return r.reach(username, c)
}

// regroup notes how far an account is in its groups.
func (r *round) regroup(username string) error {
	c, err := r.cursor(username)
	if err != nil {
		return err
	}
	return r.reach(username, c)
}

// reach finds the numbers that go with a cursor.
func (r *round) reach(username string, c *cursor) error {
	list, err := r.s.sources(username)
	if err != nil {
		return err
	}
	reached := make([]reach, 0, len(list))
	for i := range list {
		x := &list[i]
		n, err := r.s.number(x, max(c.acked, x.from))
		if err != nil {
			return err
		}
		was, known := c.of(x)
		if n = max(n, was); !known && i == 0 && c.acked == 0 {
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

// remove forgets all of an account.
func (r *round) remove(username string) error {
	own, group := ownLog(username), groupLog(username)
	prefixes := [][]byte{logPrefix(own), logPrefix(group), receiptPrefix(username)}
	for _, p := range prefixes {
		r.broken = r.s.store.Scan(store.TableInbox, p, func(key, _ []byte) error {
			r.drop(key)
			return nil
		})
		if r.broken != nil {
			return r.broken
		}
	}
	for key := range r.keys {
		if bytes.HasPrefix([]byte(key), prefixes[2]) {
			r.drop([]byte(key))
			delete(r.keys, key)
		}
	}
	for _, log := range []string{own, group} {
		if h := r.logs[log]; h != nil {
			for _, y := range h.young {
				r.drop(messageKey(log, y.id))
			}
		}
		r.logs[log] = &header{first: 1}
	}
	r.cursors[username] = &cursor{}
	return nil
}
