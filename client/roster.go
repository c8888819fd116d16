package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Roster is who is online of those whom the account may see: itself and, for a vendor,
// its clients. What was known before is to be forgotten: it begins anew.
type Roster struct {
	Clients []RosterClient // those online
	Total   int            // accounts that may be seen, online or not
}

// A RosterClient is one account of a Roster.
type RosterClient struct {
	Client      string
	Online      bool
	Connections int
	Since       time.Time // when it came; zero if it is not here
	LastSeen    time.Time // zero if it never was
}

// Presence is a change since the Roster.
type Presence struct {
	Client string
	Online bool
	Left   bool // it is no longer one of the vendor's clients
	Time   time.Time
}

func (Roster) event()   {}
func (Presence) event() {}

func (r Roster) String() string {
	return fmt.Sprintf("%d of %d online", len(r.Clients), r.Total)
}

func (p Presence) String() string {
	switch {
	case p.Left:
		return fmt.Sprintf("%q has left", p.Client)
	case p.Online:
		return fmt.Sprintf("%q is online", p.Client)
	}
	return fmt.Sprintf("%q is offline", p.Client)
}

// A listed is a client as a roster writes it.
type listed struct {
	Client      string  `json:"client"`
	Online      bool    `json:"online"`
	Connections int     `json:"connections"`
	Since       *uint64 `json:"since"` // µs
	LastSeen    *uint64 `json:"last_seen"`
}

func (l *listed) client() RosterClient {
	return RosterClient{Client: l.Client, Online: l.Online, Connections: l.Connections,
		Since: moment(l.Since), LastSeen: moment(l.LastSeen)}
}

func moment(micros *uint64) time.Time {
	if micros == nil || *micros > numberMax {
		return time.Time{}
	}
	return time.UnixMicro(int64(*micros))
}

// rostered takes one piece of a roster, and tells of it when it is whole.
func (x *session) rostered(f *frame) {
	if len(x.roster)+len(f.Clients) > rosterMax {
		x.s.bad.Add(1)
		x.roster = nil
		return
	}
	x.roster = slices.Grow(x.roster, len(f.Clients))
	for i := range f.Clients {
		x.roster = append(x.roster, f.Clients[i].client())
	}
	if !f.More {
		x.s.events.tell(Roster{Clients: x.roster, Total: f.Total})
		x.roster = nil
	}
}

// Roster begins to tell who is online, or ends it: a [Roster] among the Events, then a
// [Presence] for each change. It is asked for again on each connection. If
// Stats().EventsLost has grown, some of it may be missing: ask for it once more.
func (s *Stream) Roster(ctx context.Context, on bool) error {
	if !on {
		s.rostered.Store(false)
	}
	_, err := s.single(ctx, request{verb: roster, on: on})
	if on && err == nil {
		s.rostered.Store(true)
	}
	return err
}

// rosterAgain asks for it on a connection that is new.
func (x *session) rosterAgain(ctx context.Context) error {
	if !x.s.rostered.Load() {
		return nil
	}
	_, err := x.insist(ctx, request{verb: roster, on: true})
	var refused *RefusedError
	if errors.As(err, &refused) {
		x.s.o.Logger.Warn("no roster any more", "err", err)
		return nil
	}
	return err
}
