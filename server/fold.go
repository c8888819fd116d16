package server

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// A foldScan watches the header of a request go by and notes a folded line,
// one that begins with a blank. RFC 9112 §5.2 has a server refuse it; net/http
// joins it to the line before and tells nobody, while proxies may read two
// different requests there. A handshake that has one is refused.
type foldScan struct {
	// Owned by whoever reads the connection.
	within bool // inside of a line
	lines  int
	ended  bool // the blank line went by

	// Shared with the handler.
	folded atomic.Bool
}

func (f *foldScan) watch(p []byte) {
	if f.ended {
		return
	}
	for _, b := range p {
		switch {
		case b == '\n' && !f.within && f.lines > 0:
			f.ended = true
			return
		case b == '\n':
			f.within = false
			f.lines++
		case b == '\r':
		case !f.within && f.lines > 0 && (b == ' ' || b == '\t'):
			f.folded.Store(true)
			f.within = true
		default:
			f.within = true
		}
	}
}

// again readies f for the next request of its connection.
func (f *foldScan) again() {
	f.within, f.lines, f.ended = false, 0, false
	f.folded.Store(false)
}

type connKey struct{}

// withConn lets handlers find the connection of their request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// betweenRequests is called as the state of a connection changes.
func betweenRequests(c net.Conn, state http.ConnState) {
	if own, ok := c.(*conn); ok && state == http.StateIdle {
		own.fold.again()
	}
}

// isFolded says whether a line of the request's header was folded.
func isFolded(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return ok && c.fold.folded.Load()
}
