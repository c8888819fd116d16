package auth

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"unique"
)

// StreamInfo is what is known of a stream when it opens.
type StreamInfo struct {
	Addr    netip.AddrPort
	Agent   string // cut at 128 bytes
	Dialect uint8  // by the caller's own count
}

// A Stream is one open stream and its slot among those of its account. It
// holds the slot from OpenStream until Ended, or until it makes room for
// another. It is the engine's owner of the connection: Opened, Holds, Parked
// and Ended are for the loop; they take a short lock at most.
//
// When OpenStream succeeded but no connection came of it, call Ended.
type Stream struct {
	// Fixed after OpenStream.
	ID        uint64
	account   *account
	agent     unique.Handle[string]
	addr      [16]byte
	since     uint32 // Unix seconds
	port      uint16
	Dialect   uint8
	tokensMax int32 // set by OpenStream; 0 = as the settings say

	// Guarded by account.slots.mu.
	state      streamState
	closing    uint16 // close code that was asked for; 0 = none
	prev, next *Stream
	handle     uint64  // the engine's, valid in streamOpen
	vendor     *vendor // in whose streams it has a place; nil = none

	// Shared.
	session atomic.Uint64
	tokens  atomic.Int32
	parked  atomic.Uint32 // Unix seconds since when it takes no bytes; 0 = it does
}

type streamState uint8

const (
	streamNew   streamState = iota // has a slot, no handle yet
	streamOpen                     // has a handle
	streamEnded                    // has neither
)

// Opened tells the engine's handle. If the stream's end was decided before,
// it is asked for now.
func (st *Stream) Opened(handle uint64) {
	l := st.account.slots
	l.mu.Lock()
	if st.state != streamNew {
		l.mu.Unlock()
		return
	}
	st.state, st.handle = streamOpen, handle
	code := int(st.closing)
	l.mu.Unlock()
	if code != 0 {
		l.service.tellClose(st, code)
	}
}

// Holds tells the number of tokens subscribed to.
func (st *Stream) Holds(tokens int) { st.tokens.Store(int32(tokens)) }

// Parked tells since when the stream takes no bytes, in Unix seconds; 0 = it
// does again.
func (st *Stream) Parked(since int64) { st.parked.Store(uint32(since)) }

// Ended frees the slot at once. A second call does nothing.
func (st *Stream) Ended(int) {
	l := st.account.slots
	l.mu.Lock()
	st.state = streamEnded
	had := l.remove(st)
	l.mu.Unlock()
	if had {
		l.service.o.Changed(st.account.name)
	}
}

// Handle is the engine's handle; false before Opened and after Ended.
func (st *Stream) Handle() (uint64, bool) {
	l := st.account.slots
	l.mu.Lock()
	defer l.mu.Unlock()
	return st.handle, st.state == streamOpen
}

// Session is the login session that the stream belongs to.
func (st *Stream) Session() uint64 { return st.session.Load() }

// Username is the account's name.
func (st *Stream) Username() string { return st.account.name }

// Addr is the client's address.
func (st *Stream) Addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(st.addr).Unmap(), st.port)
}

// Agent is what the client calls itself.
func (st *Stream) Agent() string { return st.agent.Value() }

// TokensMax is how many tokens the stream may hold by its account's vendor; 0 = as the
// settings say.
func (st *Stream) TokensMax() int { return int(st.tokensMax) }

// Since is when the stream was opened, in Unix seconds.
func (st *Stream) Since() int64 { return int64(st.since) }

// Tokens is the number of tokens subscribed to.
func (st *Stream) Tokens() int { return int(st.tokens.Load()) }

// ParkedSince is since when the stream takes no bytes, in Unix seconds; 0 = it
// does.
func (st *Stream) ParkedSince() int64 { return int64(st.parked.Load()) }

// dead: it has taken nothing for so many seconds that nobody is expected there.
func (st *Stream) dead(now, after int64) bool {
	p := st.ParkedSince()
	return p != 0 && now-p >= after
}

func (s *Service) newStream(id *Identity, i StreamInfo) *Stream {
	if !i.Addr.Addr().IsValid() {
		i.Addr = netip.AddrPortFrom(netip.IPv6Unspecified(), i.Addr.Port())
	}
	agent := i.Agent
	if len(agent) > agentBytesMax {
		agent = agent[:agentBytesMax]
	}
	// A copy, since a handle made anew would keep the whole header alive.
	agent = strings.Clone(strings.ToValidUTF8(agent, ""))
	st := &Stream{
		ID:      s.streamID.Add(1),
		agent:   unique.Make(agent),
		addr:    i.Addr.Addr().As16(),
		since:   uint32(s.now().Unix()),
		port:    i.Addr.Port(),
		Dialect: i.Dialect,
	}
	st.session.Store(id.Session)
	return st
}
