package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// A conn is one WebSocket connection, client side (RFC 6455).
//
// One goroutine calls next, which joins fragments, answers pings and holds the
// server to the protocol. Any goroutine may write. Its errors are CloseErrors.
type conn struct {
	// Fixed after dialConn.
	nc net.Conn
	br *bufio.Reader

	// Owned by the reader.
	idle   time.Duration // silence after which the connection is lost
	isText bool          // the last message was
	header [ws.MaxHeaderSize]byte
	buf    []byte    // the message so far
	armed  time.Time // when the read deadline was last set

	// Shared.
	wmu    sync.Mutex
	out    []byte // the frame being written
	closed bool   // our close frame is out
}

// dialConn opens a connection to a ws or wss URL. A refused upgrade is an *Error.
func dialConn(ctx context.Context, url string, header http.Header, d Dialect,
	idle time.Duration) (*conn, error) {
	var refused *Error
	dialer := ws.Dialer{
		Timeout: handshakeTimeout,
		Header:  ws.HandshakeHeaderHTTP(header),
		OnStatusError: func(status int, _ []byte, resp io.Reader) {
			refused = refusal(status, resp)
		},
	}
	if d != Text {
		dialer.Protocols = []string{string(d)}
	}
	nc, early, hs, err := dialer.Dial(ctx, url)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("open stream: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("open stream: %w", err)
	case hs.Protocol != string(d):
		nc.Close()
		return nil, fmt.Errorf("open stream: %w: server does not speak %q", ErrDialect, string(d))
	}
	c := &conn{nc: nc, idle: idle}
	c.br = bufio.NewReaderSize(c.first(early), readBufferBytes)
	return c, nil
}

// first gives what came together with the handshake before the socket's bytes.
func (c *conn) first(early *bufio.Reader) io.Reader {
	if early == nil {
		return c.nc
	}
	p, _ := early.Peek(early.Buffered())
	p = bytes.Clone(p)
	ws.PutReader(early)
	return io.MultiReader(bytes.NewReader(p), c.nc)
}

// refusal reads the answer of a refused upgrade.
func refusal(status int, r io.Reader) *Error {
	br := bufio.NewReader(io.LimitReader(r, refusalBytesMax))
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return &Error{Op: opStream, Status: status, Detail: statusWords(status)}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // as far as it goes
	return newError(opStream, resp, body)
}

// next returns the next text or binary message. It is valid until the next call.
func (c *conn) next() ([]byte, error) {
	c.buf = c.buf[:0]
	state := ws.StateClientSide
	for {
		h, err := c.readHeader(state)
		if err != nil {
			return nil, c.fail(err)
		}
		if h.OpCode.IsControl() {
			if err := c.control(h); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.readPayload(h.Length); err != nil {
			return nil, c.fail(err)
		}
		if h.OpCode != ws.OpContinuation {
			c.isText = h.OpCode == ws.OpText
		}
		if h.Fin {
			if c.isText && !utf8.Valid(c.buf) {
				return nil, c.fail(errNotUTF8)
			}
			return c.buf, nil
		}
		state = state.Set(ws.StateFragmented)
	}
}

// hurry shortens the silence after which the connection is lost. Reader only.
func (c *conn) hurry(idle time.Duration) {
	c.idle, c.armed = min(c.idle, idle), time.Time{}
}

func (c *conn) readHeader(state ws.State) (ws.Header, error) {
	// A deadline is not set for every frame, and that much later instead.
	if now, lag := time.Now(), c.idle/armParts; now.Sub(c.armed) > lag {
		c.armed = now
		if err := c.nc.SetReadDeadline(now.Add(c.idle + lag)); err != nil {
			return ws.Header{}, err
		}
	}
	h, err := ws.ReadHeaderBuffer(c.br, c.header[:])
	if err != nil {
		return h, err
	}
	return h, ws.CheckHeader(h, state)
}

// readPayload adds a frame's payload to buf, growing it only as bytes arrive.
func (c *conn) readPayload(n int64) error {
	if n > messageBytesMax-int64(len(c.buf)) {
		return errTooBig
	}
	for n > 0 {
		step := int(min(n, readBufferBytes))
		at := len(c.buf)
		c.buf = append(c.buf, make([]byte, step)...)
		if _, err := io.ReadFull(c.br, c.buf[at:]); err != nil {
			return err
		}
		n -= int64(step)
	}
	return nil
}

func (c *conn) control(h ws.Header) error {
	var space [controlBytesMax]byte
	p := space[:h.Length]
	if _, err := io.ReadFull(c.br, p); err != nil {
		return c.fail(err)
	}
	switch h.OpCode {
	case ws.OpPing:
		if err := c.write(ws.OpPong, p); err != nil {
			return c.fail(err)
		}
	case ws.OpClose:
		return c.closedBy(p)
	}
	return nil
}

// closedBy reads the server's close frame, answers it and gives its meaning.
func (c *conn) closedBy(p []byte) error {
	if len(p) == 1 || len(p) > 2 && !utf8.Valid(p[2:]) {
		return c.fail(errProtocol)
	}
	code := closeNoStatus
	if len(p) >= 2 {
		code = int(binary.BigEndian.Uint16(p))
	}
	c.writeClose(code)
	reason := ""
	if len(p) > 2 {
		reason = clean(string(p[2:]))
	}
	return &CloseError{Code: code, Reason: reason}
}

// fail tells the server why we go, where that is its doing, and gives the end a name.
func (c *conn) fail(err error) error {
	var protocol ws.ProtocolError
	var timeout net.Error
	code := closeLost
	switch {
	case errors.As(err, &protocol), errors.Is(err, errProtocol),
		errors.Is(err, ws.ErrHeaderLengthMSB), errors.Is(err, ws.ErrHeaderLengthUnexpected):
		code = closeProtocol
		err = fmt.Errorf("%w: %w", errProtocol, err)
	case errors.Is(err, errTooBig):
		code = closeTooBig
	case errors.Is(err, errNotUTF8):
		code = closeNotUTF8
	case errors.As(err, &timeout) && timeout.Timeout():
		err = fmt.Errorf("%w for %v", errSilent, c.idle)
	}
	if code != closeLost {
		c.writeClose(code)
	}
	return &CloseError{Code: code, Cause: err}
}

// write sends one masked frame. Any goroutine; after our close frame it does nothing.
func (c *conn) write(op ws.OpCode, p []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.closed = op == ws.OpClose
	buf := bytes.NewBuffer(c.out[:0])
	f := ws.NewFrame(op, true, p)
	f.Header.Masked, f.Header.Mask = true, ws.NewMask()
	if err := ws.WriteHeader(buf, f.Header); err != nil {
		return err
	}
	at := buf.Len()
	buf.Write(p)
	c.out = buf.Bytes()
	ws.Cipher(c.out[at:], f.Header.Mask, 0)
	if err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.nc.Write(c.out)
	return err
}

// writeText sends one request. Any goroutine.
func (c *conn) writeText(p []byte) error { return c.write(ws.OpText, p) }

// writeClose sends a close frame, if none was sent. What becomes of it is of no
// matter: the connection ends either way.
func (c *conn) writeClose(code int) {
	var body []byte
	if code != closeNoStatus {
		body = ws.NewCloseFrameBody(ws.StatusCode(code), "")
	}
	c.write(ws.OpClose, body)
}

// leave says goodbye; the server answers with its own close frame. Any goroutine.
func (c *conn) leave() { c.writeClose(closeNormal) }

func (c *conn) close() { c.nc.Close() }
