package feed

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// ControlOptions has the good default for each zero.
type ControlOptions struct {
	Logger *slog.Logger
}

// A Control is a ZeroMQ REP socket for the feed's two functions. Each request gets
// one answer, whatever its bytes; a peer that does not speak ZMTP, sends half a
// request or overstays is left alone by itself. When all places are taken, the
// peer that was silent for longest gives up its own.
type Control struct {
	// Fixed after ListenControl.
	ln      net.Listener
	handler ControlHandler
	log     *slog.Logger

	// Shared by the accepting goroutine and the peers.
	mu      sync.Mutex
	peers   map[*controlPeer]time.Time // with the time of the last request
	closing bool
	running sync.WaitGroup
}

// ListenControl binds a REP socket to an endpoint like tcp://127.0.0.1:5558.
func ListenControl(endpoint string, h ControlHandler, o ControlOptions) (*Control, error) {
	ln, err := listen(endpoint)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Control{ln: ln, handler: h, log: o.Logger, peers: map[*controlPeer]time.Time{}}
	c.running.Go(c.accept)
	return c, nil
}

// Endpoint is what a REQ on this machine connects to, with the port that was bound.
func (c *Control) Endpoint() string { return endpointOf(c.ln) }

// Close ends all connections and returns when they are gone. It must not be called
// by the handler.
func (c *Control) Close() error {
	c.mu.Lock()
	c.closing = true
	err := c.ln.Close()
	for peer := range c.peers {
		peer.conn.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
	if err != nil {
		return fmt.Errorf("close control: %w", err)
	}
	return nil
}

func (c *Control) accept() {
	for {
		conn, err := c.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.log.Warn("control peer not accepted", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		peer := newControlPeer(conn)
		if !c.join(peer) {
			conn.Close()
			continue
		}
		c.running.Go(func() {
			err := peer.serve(c)
			conn.Close()
			c.mu.Lock()
			delete(c.peers, peer)
			c.mu.Unlock()
			c.log.Debug("control peer gone", "peer", conn.RemoteAddr().String(), "error", err)
		})
	}
}

// join takes a peer in, at the expense of the one silent for longest if need be.
func (c *Control) join(peer *controlPeer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	if len(c.peers) >= controlPeersMax {
		var oldest *controlPeer
		for p, since := range c.peers {
			if oldest == nil || since.Before(c.peers[oldest]) {
				oldest = p
			}
		}
		oldest.conn.Close()
		delete(c.peers, oldest)
	}
	c.peers[peer] = time.Now()
	return true
}

// touch notes that a peer made a request.
func (c *Control) touch(peer *controlPeer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, held := c.peers[peer]; held {
		c.peers[peer] = time.Now()
	}
}
