package feed

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

// The roles we play in a handshake.
const (
	roleSub = zmq4.Sub
	rolePub = zmq4.Pub
	roleRep = zmq4.Rep
)

// handshake greets the peer as ZMTP 3.0 with NULL security and exchanges READY,
// within a time limit. Not a byte behind the peer's READY is read.
//
// zmq4.Open believes the length that a peer announces, indexes past the end of
// short properties and panics on an unknown socket type; hence the fence
// and the recover, which make each of these an error.
func handshake(conn net.Conn, role zmq4.SocketType, limit time.Duration) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errHandshake, r)
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	fenced := &handshakeConn{Conn: conn}
	if _, err := zmq4.Open(fenced, null.Security(), role, nil, false, nil); err != nil {
		if errors.Is(err, errHandshake) {
			return errHandshake
		}
		return fmt.Errorf("handshake: %w", causeOf(err))
	}
	return conn.SetDeadline(time.Time{})
}

// A handshakeConn reads the header of the first frame, which must be READY, along
// with zmq4 and fails before a body that is too long can be asked for.
type handshakeConn struct {
	net.Conn
	read   int
	header [headerBytesMax]byte
}

func (c *handshakeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for _, b := range p[:n] {
		if at := c.read - greetingBytes; at >= 0 && at < len(c.header) {
			c.header[at] = b
		}
		c.read++
	}
	if have := c.read - greetingBytes; have > 0 {
		if bad := checkReady(c.header[:min(have, len(c.header))]); bad != nil {
			return 0, bad // with all its bytes io.ReadFull would pass over the error
		}
	}
	return n, err
}

func checkReady(header []byte) error {
	f, _, err := parseFrame(header, readyBytesMax)
	if err == errFrameShort || err == nil {
		if len(header) < 2 || f.flags&^flagLong == flagCommand {
			return nil
		}
		err = errFrameFlags
	}
	return fmt.Errorf("%w: %w", errHandshake, err)
}
