package server

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// A headScan watches the requests of a connection go by and notes what net/http takes
// and a proxy before it may read as other requests (RFC 9112 §11.2):
//
//	a folded line                           joined to the line before, §5.2
//	a line that ends in LF alone            §2.2
//	Content-Length twice, or with           the last counts, §6.3
//	  Transfer-Encoding
//	Transfer-Encoding that is not taken     HTTP/1.0, §6.1
//
// Who sent one is answered 400, and that connection ends. It follows bodies by their
// length. A body in chunks and an upgrade end the watch; what they are answered, if
// anything, is the last on their connection.
type headScan struct {
	// Owned by whoever reads the connection.
	state  headState
	lines  int  // of this header so far
	within bool // inside of a line
	last   bool // nothing is watched after this header
	name   [headNameMax]byte
	named  int // bytes of name
	length int64
	sized  bool  // Content-Length was there
	body   int64 // bytes of it still to come

	// Shared with the handler.
	crooked atomic.Bool // something of the above was there
	chunked atomic.Bool // Transfer-Encoding was
	over    atomic.Bool // the watch has ended
}

// A headState is where in a request a headScan is.
type headState uint8

const (
	headStart headState = iota // of a line
	headName                   // of a field, or inside the request line
	headValue                  // of a field that means nothing here
	headLength
	headCR // a line ended, but for its LF
	headBody
	headOver
)

const (
	headNameMax   = len("transfer-encoding")
	headLengthMax = 1e18 // of a body
)

func (h *headScan) watch(p []byte) {
	for len(p) > 0 {
		switch h.state {
		case headOver:
			return
		case headBody:
			n := min(h.body, int64(len(p)))
			p = p[n:]
			if h.body -= n; h.body == 0 {
				h.again()
			}
		default:
			h.step(p[0])
			p = p[1:]
		}
	}
}

// step takes one byte of a header.
func (h *headScan) step(b byte) {
	if b != '\n' && b != '\r' {
		h.within = true
	}
	switch {
	case b == '\n':
		if h.state != headCR {
			h.crooked.Store(true)
		}
		h.endLine()
	case h.state == headCR:
		h.crooked.Store(true) // CR without LF
		h.state = headValue
	case b == '\r':
		h.state = headCR
	case h.state == headStart && h.lines > 0 && (b == ' ' || b == '\t'):
		h.crooked.Store(true)
		h.state = headValue
	case h.state == headStart, h.state == headName:
		h.state = headName
		h.spell(b)
	case h.state == headLength:
		h.digit(b)
	}
}

// spell takes a byte of a field's name, or of the request line.
func (h *headScan) spell(b byte) {
	switch {
	case h.lines == 0: // the request line
	case b != ':' && h.named == len(h.name):
		h.state = headValue // longer than those looked for
	case b != ':':
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		h.name[h.named] = b
		h.named++
	default:
		h.field()
	}
}

// field begins the value of the field whose name went by.
func (h *headScan) field() {
	h.state = headValue
	switch string(h.name[:h.named]) {
	case "content-length":
		h.state = headLength
		if h.sized {
			h.crooked.Store(true)
		}
		h.sized = true
	case "transfer-encoding":
		h.chunked.Store(true)
		h.last = true
	case "upgrade":
		h.last = true
	}
}

func (h *headScan) digit(b byte) {
	switch {
	case b == ' ' || b == '\t':
	case b < '0' || b > '9' || h.length >= headLengthMax/10:
		h.crooked.Store(true)
	default:
		h.length = h.length*10 + int64(b-'0')
	}
}

func (h *headScan) endLine() {
	line := h.within
	h.state, h.named, h.within = headStart, 0, false
	switch {
	case line:
		h.lines++
	case h.lines == 0: // blank lines before a request are no part of it
	case h.last:
		if h.sized && h.chunked.Load() {
			h.crooked.Store(true)
		}
		h.state = headOver
		h.over.Store(true)
	case h.length > 0:
		h.state, h.body = headBody, h.length
	default:
		h.again()
	}
}

// again readies h for the next request of its connection.
func (h *headScan) again() {
	h.state, h.lines, h.named, h.length, h.sized = headStart, 0, 0, 0, false
}

type connKey struct{}

// withConn lets handlers find the connection of their request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection of a request; nil if it has none of ours.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// straight says whether every reader of the request's connection sees the same requests.
func (c *conn) straight(r *http.Request) bool {
	if c == nil {
		return true
	}
	crooked := c.head.crooked.Load() || c.head.chunked.Load() && len(r.TransferEncoding) == 0
	return !crooked
}

func crooked() answer {
	return detail(http.StatusBadRequest, "Bad Request: a header line is folded or does not end"+
		" with CR LF, or the body's length is told twice").with("Connection", "close")
}

// isLast says whether no request is watched after this one.
func (c *conn) isLast() bool { return c != nil && c.head.over.Load() }
