package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"azira/proto"
)

const gorillaName = "gorilla"

// queueTicks is how many ticks wait for one client before more are dropped: as in
// the library's chat example.
const queueTicks = 256

// A gorillaHub is the usual well-written hub: two goroutines and a buffered
// channel per client, a prepared message per tick.
//
// A tick is framed once, whatever the number of clients. A client whose channel is
// full loses the tick, counted; nobody waits for it.
type gorillaHub struct {
	// Fixed after runGorilla.
	upgrader websocket.Upgrader

	// Shared by the feed and the clients.
	mu    sync.RWMutex
	wants interest[*gorillaClient] // under mu

	// Owned by the feed.
	tally tally
}

// A gorillaClient is one connection. queue has one reader, the writing goroutine.
type gorillaClient struct {
	hub   *gorillaHub
	conn  *websocket.Conn
	queue chan *websocket.PreparedMessage
	gone  chan struct{} // closed when reading ends
}

func runGorilla(ctx context.Context, o options, ready func(string)) error {
	h := &gorillaHub{wants: newInterest[*gorillaClient]()}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: writeTimeout,
		// Reading is rare and short: a small buffer, so that a client costs less.
		ReadBufferSize: 1 << 10,
		// The documentation's advice for many connections: an idle one has no buffer
		// for writing. Prepared messages do not use it at all.
		WriteBufferSize: 1 << 10,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     func(*http.Request) bool { return true },
		// Compression is off: it costs more than it saves on ticks of 100 bytes.
	}
	// Go sets TCP_NODELAY on what it accepts, and the rest is inherited.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = setLowWater(int(fd)) }), err)
	}}
	ln, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if ln, err = withTLS(ln, o); err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: writeTimeout, MaxHeaderBytes: headBytesMax}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	ready(ln.Addr().String())
	err = subscribe(ctx, o, h)
	h.tally.tell(o.Stderr, "gorilla")
	if err := srv.Close(); err != nil {
		return fmt.Errorf("close server: %w", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return err
}

// withTLS has what is accepted speak TLS if there is a certificate.
func withTLS(ln net.Listener, o options) (net.Listener, error) {
	if o.TLSCert == "" {
		return ln, nil
	}
	pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load certificate: %w", err), ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair},
		NextProtos: []string{"http/1.1"}}), nil
}

// ServeHTTP upgrades and returns, so that net/http's goroutine and what the
// request holds are free: the advice of the chat example.
func (h *gorillaHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	conn.SetReadLimit(requestBytesMax)
	c := &gorillaClient{
		hub: h, conn: conn, gone: make(chan struct{}),
		queue: make(chan *websocket.PreparedMessage, queueTicks),
	}
	go c.write()
	go c.read()
}

// Tick implements feed.Sink.
func (h *gorillaHub) Tick(topic, data []byte, _ int64) {
	h.tally.ticks++
	h.mu.RLock()
	defer h.mu.RUnlock()
	clients := h.wants.of(topic)
	if len(clients) == 0 {
		return
	}
	// Framing copies data, once: no client keeps the feed's bytes.
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil {
		h.tally.dropped += uint64(len(clients))
		return
	}
	for _, c := range clients {
		select {
		case c.queue <- m:
			h.tally.delivered++
		default:
			h.tally.dropped++
		}
	}
}

// Flush implements feed.Sink: ticks are on their way already.
func (h *gorillaHub) Flush() {}

// read takes requests until the client goes. No pong is asked for: TCP keep-alive,
// which Go turns on, finds who is dead, and writing has a deadline.
func (c *gorillaClient) read() {
	defer func() {
		c.hub.mu.Lock()
		c.hub.wants.forget(c)
		c.hub.mu.Unlock()
		close(c.gone)
		c.conn.Close() //nolint:errcheck // it is gone in any case
	}()
	for {
		_, p, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		if err := c.serve(p); err != nil {
			return
		}
	}
}

// serve answers one request. The answer comes before the ticks.
func (c *gorillaClient) serve(p []byte) error {
	req, err := proto.ParseText(p)
	if fault, ok := errors.AsType[proto.TextFault](err); ok {
		return c.say(fault.Answer)
	}
	if req.Action == proto.Subscribe {
		if err := c.say(proto.AppendSubscribed(nil, req.Names)); err != nil {
			return err
		}
	}
	c.hub.mu.Lock()
	answer := c.hub.wants.apply(c, req)
	c.hub.mu.Unlock()
	if req.Action == proto.Unsubscribe {
		return c.say(answer)
	}
	return nil
}

// say queues an answer, for which there is time.
func (c *gorillaClient) say(p []byte) error {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, p)
	if err != nil {
		return fmt.Errorf("prepare answer: %w", err)
	}
	select {
	case c.queue <- m:
		return nil
	case <-time.After(writeTimeout):
		return errGone
	}
}

// write sends what is queued: a call of write(2) for each message, as the library
// does it. The deadline is moved once per burst, not per message, which is cheaper.
func (c *gorillaClient) write() {
	defer c.conn.Close()
	for {
		select {
		case m := <-c.queue:
			if err := c.burst(m); err != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *gorillaClient) burst(m *websocket.PreparedMessage) error {
	err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	for n := len(c.queue); err == nil; n-- {
		if err = c.conn.WritePreparedMessage(m); err != nil || n == 0 {
			break
		}
		m = <-c.queue
	}
	return err
}
