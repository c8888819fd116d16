package feed

import (
	"fmt"
	"net"
	"time"
)

// A controlPeer is one connection to a Control, served by one goroutine.
//
// A request is an envelope, one frame of JSON behind it. The envelope is what
// routers put before an empty frame, and that frame; the answer goes back in
// the same one. REQ sends the empty frame alone, a bare DEALER perhaps none.
type controlPeer struct {
	conn net.Conn
	rd   *frameReader

	envelope []byte // framed, as it goes back
	routes   int    // frames of it
	inside   bool   // past the empty frame
	wrong    error  // why this request is refused, once known
	begun    bool   // a request has begun and its deadline is set
}

func newControlPeer(conn net.Conn) *controlPeer {
	return &controlPeer{conn: conn, rd: newFrameReader(conn, 2<<10, requestBytesMax)}
}

// serve answers requests until the connection ends; the error says why it did.
func (cp *controlPeer) serve(c *Control) error {
	if err := handshake(cp.conn, roleRep, handshakeTimeout); err != nil {
		return err
	}
	for {
		f, err := cp.rd.next()
		switch err {
		case errFrameShort:
			if err := cp.await(); err != nil {
				return err
			}
			continue
		case errFrameBig:
			if f.command() {
				return fmt.Errorf("read command: %w", err)
			}
			cp.wrong = fmt.Errorf("%w: longer than %d bytes", errRequest, requestBytesMax)
		case nil:
		default:
			return fmt.Errorf("read: %w", err)
		}
		if f.command() {
			if err := cp.write(appendPong(nil, f.body)); err != nil {
				return err
			}
			continue
		}
		if !cp.take(&f) {
			continue
		}
		c.touch(cp)
		if err := cp.answer(f.body, c.handler); err != nil {
			return err
		}
	}
}

// await reads on: idle for long between requests, but a request has to be
// complete soon after its first byte.
func (cp *controlPeer) await() error {
	if !cp.rd.idle() || cp.routes > 0 || cp.inside {
		if !cp.begun {
			cp.begun = true
			if err := cp.conn.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
				return fmt.Errorf("set deadline: %w", err)
			}
		}
	} else if err := cp.conn.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if err := cp.rd.fill(); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// take sorts one frame into envelope and request, and tells whether the request is complete.
func (cp *controlPeer) take(f *frame) bool {
	if !f.more() {
		if cp.routes > 0 && !cp.inside {
			cp.refuse("no empty frame before the request")
		}
		return true
	}
	switch {
	case cp.inside:
		cp.refuse("more than one frame")
	case cp.routes == envelopeFramesMax || len(cp.envelope)+len(f.body) > envelopeBytesMax:
		cp.refuse("envelope too long")
	case cp.wrong == nil:
		cp.envelope = appendFrame(cp.envelope, flagMore, f.body)
		cp.routes++
		cp.inside = f.size == 0
	}
	return false
}

func (cp *controlPeer) refuse(why string) {
	if cp.wrong == nil {
		cp.wrong = fmt.Errorf("%w: %s", errRequest, why)
	}
}

// answer sends the one answer of a request and makes ready for the next.
func (cp *controlPeer) answer(request []byte, h ControlHandler) error {
	var reply []byte
	end := false
	if cp.wrong != nil {
		reply = refuse(cp.wrong)
	} else {
		reply, end = respond(request, h)
	}
	out := appendFrame(cp.envelope, 0, reply)
	cp.envelope, cp.routes, cp.inside, cp.wrong, cp.begun = out[:0], 0, false, nil, false
	if err := cp.write(out); err != nil && !end {
		return err
	}
	if end {
		h.Terminate()
	}
	return nil
}

func (cp *controlPeer) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if err := cp.conn.SetWriteDeadline(time.Now().Add(requestTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := cp.conn.Write(p); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
