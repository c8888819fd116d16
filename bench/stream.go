package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// A stream is one WebSocket of a fleet. Its goroutine reads and discards; it
// answers pings, as any client must.
type stream struct {
	conn net.Conn
	skimmer
}

// openStream connects, upgrades and subscribes. It returns once the server has
// answered the subscribe.
func openStream(ctx context.Context, addr string, upgrade, subscribe []byte) (*stream, error) {
	d := net.Dialer{Timeout: openTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	s := &stream{conn: conn}
	if err := s.begin(upgrade, subscribe); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *stream) begin(upgrade, subscribe []byte) error {
	if err := s.conn.SetDeadline(time.Now().Add(openTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := s.conn.Write(upgrade); err != nil {
		return fmt.Errorf("send upgrade: %w", err)
	}
	if err := s.switched(); err != nil {
		return err
	}
	if _, err := s.conn.Write(subscribe); err != nil {
		return fmt.Errorf("send subscribe: %w", err)
	}
	buf := make([]byte, streamBytes)
	for texts := 0; texts == 0; {
		n, err := s.conn.Read(buf)
		if err != nil {
			return fmt.Errorf("read answer to subscribe: %w", err)
		}
		if texts, err = s.skim(buf[:n], s.pong); err != nil {
			return err
		}
	}
	return s.conn.SetDeadline(time.Time{})
}

// switched reads the answer to the upgrade. The server says nothing behind it
// before it is asked to.
func (s *stream) switched() error {
	var answer []byte
	buf := make([]byte, answerBytesMax)
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		n, err := s.conn.Read(buf[len(answer):])
		if err != nil {
			return fmt.Errorf("read answer to upgrade: %w", err)
		}
		answer = buf[:len(answer)+n]
		if line, _, ok := bytes.Cut(answer, []byte("\r\n")); ok &&
			!bytes.HasPrefix(line, []byte("HTTP/1.1 101 ")) {
			return fmt.Errorf("%w: %s", errUpgrade, line)
		}
		if len(answer) == len(buf) {
			return fmt.Errorf("%w: an answer of over %d bytes", errUpgrade, len(buf))
		}
	}
	return nil
}

// read counts text frames into frames until the stream ends, which is an error.
func (s *stream) read(frames *atomic.Uint64) error {
	buf := make([]byte, streamBytes)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return fmt.Errorf("read stream: %w", err)
		}
		texts, err := s.skim(buf[:n], s.pong)
		frames.Add(uint64(texts))
		if err != nil {
			return err
		}
	}
}

// pong answers a ping. When that fails, so will the next read.
func (s *stream) pong(payload []byte) {
	_, _ = s.conn.Write(clientFrame(ws.NewPongFrame(payload)))
}

// clientFrame is a frame with a mask, as a client's must have one; all zeros is
// as good as any here.
func clientFrame(f ws.Frame) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{}))
}

// upgradeRequest opens a stream of whoever the bearer names.
func upgradeRequest(addr, bearer string) []byte {
	return []byte("GET /api/v1/stream HTTP/1.1\r\nHost: " + addr +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nUser-Agent: azira-bench\r\n" +
		"Authorization: Bearer " + bearer + "\r\n\r\n")
}

// subscribeRequest is the text dialect's.
func subscribeRequest(tokens [][]byte) []byte {
	list := bytes.Join(tokens, []byte{','})
	return clientFrame(ws.NewTextFrame(append([]byte("subscribe|"), list...)))
}
