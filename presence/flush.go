package presence

import (
	"slices"
	"time"
)

// A change is an account to settle, and how many streams it had when asked.
type change struct {
	name        string
	mark        mark
	connections int
}

// A lingering client is said to be offline when the linger is over, if it has not come
// back.
type lingering struct {
	c    *client
	left time.Time
}

// flushAll flushes so often, until Close.
func (t *Tracker) flushAll() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
			t.flush()
		}
	}
}

// flush settles those that were marked, and then who has lingered for long enough. What
// it costs grows with them, and with who watches them.
func (t *Tracker) flush() {
	now := t.now()
	t.batch = t.batch[:0]
	t.dirty.take(func(name string, m mark) {
		t.batch = append(t.batch, change{name, m, t.accounts.Connections(name)})
	})
	for batch := t.batch; len(batch) > 0; {
		n := min(len(batch), settleChunk)
		t.mu.Lock()
		for i := range batch[:n] {
			t.settle(&batch[i], now)
		}
		t.mu.Unlock()
		batch = batch[n:]
	}
	t.dirty.settled()
	t.expire(now)
	for _, r := range t.touched {
		r.tell()
	}
	clear(t.batch)
	clear(t.touched)
	t.touched = t.touched[:0]
	if cap(t.batch) > dirtyShards*dirtyKept {
		t.batch = nil
	}
}

// settle makes what is known of an account what is true. t.mu is held.
func (t *Tracker) settle(x *change, now time.Time) {
	c := t.clients[x.name]
	if x.mark&removed != 0 {
		t.forget(x.name, c)
	}
	switch {
	case c == nil && x.connections == 0:
		if x.mark&removed == 0 { // it came and went
			t.returns.Add(1)
			t.seen.put(x.name, record{at: now.UnixMicro()})
		}
	case c == nil:
		c = &client{name: x.name, connections: x.connections, since: now.UnixMicro()}
		t.clients[x.name] = c
		t.online.Add(1)
		t.seen.put(x.name, record{online: true, at: c.since})
		t.publish(c, true, c.since)
	case x.connections > 0:
		if c.connections == 0 {
			t.returns.Add(1)
		}
		c.connections = x.connections
		t.update(c)
	case c.connections > 0:
		c.connections, c.left = 0, now
		t.lingers = append(t.lingers, lingering{c, now})
	}
	if c != nil && c.removed && c.connections == 0 {
		t.takeOffline(c) // at once
	}
}

// forget takes a deleted account's last-seen time away and has the rosters that it is in
// looked through. t.mu is held.
func (t *Tracker) forget(name string, c *client) {
	t.seen.drop(name)
	if c != nil {
		c.removed = true
	}
	for m := t.index[name]; m != nil; m = m.also {
		if m.roster.owner != name {
			t.jobs.regroup[pair{m.roster.owner, name}] = true
			t.wakeKeeper()
		}
	}
}

// expire takes those offline who have not come back within the linger.
func (t *Tracker) expire(now time.Time) {
	n := 0
	for n < len(t.lingers) && now.Sub(t.lingers[n].left) >= linger {
		n++
	}
	for some := range slices.Chunk(t.lingers[:n], settleChunk) {
		t.mu.Lock()
		for _, l := range some {
			c := l.c
			if c.connections == 0 && c.left.Equal(l.left) && t.clients[c.name] == c {
				t.takeOffline(c)
			}
		}
		t.mu.Unlock()
	}
	t.lingers = slices.Delete(t.lingers, 0, n)
}

func (t *Tracker) takeOffline(c *client) {
	delete(t.clients, c.name)
	t.online.Add(-1)
	at := c.left.UnixMicro()
	if !c.removed {
		t.seen.put(c.name, record{at: at})
	}
	t.publish(c, false, at)
}

// publish tells the rosters that c came or went. t.mu is held.
func (t *Tracker) publish(c *client, online bool, at int64) {
	t.changes.Add(1)
	s := state{online: online, connections: c.connections, since: c.since, at: at}
	for m := t.index[c.name]; m != nil; m = m.also {
		if m.roster.change(m, s) {
			t.touched = append(t.touched, m.roster)
		}
	}
}

// update notes how many connections c has, which is no event. t.mu is held.
func (t *Tracker) update(c *client) {
	for m := t.index[c.name]; m != nil; m = m.also {
		r := m.roster
		r.mu.Lock()
		m.state.connections = c.connections
		r.mu.Unlock()
	}
}
