package feed

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"azira/proto"
)

// PublisherOptions has the good default for each zero.
type PublisherOptions struct {
	PeerBytes int // queued for one subscriber before its ticks are dropped: 16 MiB
	Logger    *slog.Logger
}

// PublisherStats are counters since the start, and the peers of now.
type PublisherStats struct {
	Peers         int
	Subscriptions int    // of all peers
	Ticks         uint64 // published
	Sent          uint64 // queued for a peer, once for each
	Dropped       uint64 // not queued because a peer's queue was full
}

// A Publisher is a ZeroMQ PUB socket.
//
// Ticks are framed once into a chunk; Flush copies what each peer subscribed to
// into that peer's queue, from where a goroutine of its own writes it out. A
// peer that does not read fills its queue and then loses ticks, counted;
// neither the publisher nor another peer waits for it.
//
// Publish, Flush and Close belong to one goroutine; Stats and Endpoint to any.
type Publisher struct {
	// Fixed after ListenPublisher.
	ln        net.Listener
	log       *slog.Logger
	peerBytes int

	// Owned by the publishing goroutine.
	chunk []byte // frames since the last Flush
	ends  []int  // where each ends
	ticks uint64

	// Shared with the accepting goroutine and the peers.
	published atomic.Uint64
	gone      peerCounters            // of peers that left
	peers     atomic.Pointer[[]*peer] // replaced whole, under mu
	mu        sync.Mutex
	closing   bool // under mu
	running   sync.WaitGroup
}

// ListenPublisher binds a PUB socket to an endpoint like tcp://127.0.0.1:5556.
func ListenPublisher(endpoint string, o PublisherOptions) (*Publisher, error) {
	if o.PeerBytes == 0 {
		o.PeerBytes = peerBytesDefault
	}
	if o.PeerBytes < 2*chunkBytes {
		return nil, fmt.Errorf("%w: %d bytes per peer, at least %d", ErrConfig, o.PeerBytes,
			2*chunkBytes)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ln, err := listen(endpoint)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		ln: ln, log: o.Logger, peerBytes: o.PeerBytes,
		chunk: make([]byte, 0, 2*chunkBytes),
	}
	p.peers.Store(new([]*peer))
	p.running.Go(p.accept)
	return p, nil
}

// Endpoint is what a subscriber on this machine connects to, with the port that was bound.
func (p *Publisher) Endpoint() string { return endpointOf(p.ln) }

// Publish gathers a tick, which leaves with the next Flush or when a chunk is
// full. It does not check the tick. Both slices may be reused at once.
func (p *Publisher) Publish(topic, data []byte) {
	p.chunk = appendHeader(p.chunk, 0, len(topic)+len(" & ")+len(data))
	p.chunk = proto.AppendTick(p.chunk, topic, data)
	p.ends = append(p.ends, len(p.chunk))
	if len(p.chunk) >= chunkBytes {
		p.Flush()
	}
}

// Flush hands what was gathered to the peers. It waits for none of them.
func (p *Publisher) Flush() {
	if len(p.ends) == 0 {
		return
	}
	for _, pe := range *p.peers.Load() {
		pe.offer(p.chunk, p.ends)
	}
	p.ticks += uint64(len(p.ends))
	p.published.Store(p.ticks)
	p.chunk, p.ends = p.chunk[:0], p.ends[:0]
}

// Close stops accepting, gives the peers two seconds to take what is queued for
// them, and returns when all are gone.
func (p *Publisher) Close() error {
	p.Flush()
	p.mu.Lock()
	p.closing = true
	err := p.ln.Close()
	for _, pe := range *p.peers.Load() {
		pe.finish()
	}
	p.mu.Unlock()
	p.running.Wait()
	if err != nil {
		return fmt.Errorf("close publisher: %w", err)
	}
	return nil
}

// Stats may be called from any goroutine.
func (p *Publisher) Stats() PublisherStats {
	p.mu.Lock() // so that a leaving peer is counted once
	defer p.mu.Unlock()
	st := PublisherStats{
		Ticks: p.published.Load(), Sent: p.gone.sent.Load(), Dropped: p.gone.dropped.Load(),
	}
	for _, pe := range *p.peers.Load() {
		if pe.greeted.Load() {
			st.Peers++
		}
		st.Subscriptions += int(pe.held.Load())
		st.Sent += pe.sent.Load()
		st.Dropped += pe.dropped.Load()
	}
	return st
}

// accept takes peers until the listener is closed. Want of file descriptors ends
// nothing: it is waited out.
func (p *Publisher) accept() {
	for {
		conn, err := p.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.log.Warn("subscriber not accepted", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		pe := newPeer(conn, p.peerBytes)
		if !p.join(pe) {
			p.log.Warn("subscriber refused", "peer", conn.RemoteAddr().String(), "limit", peersMax)
			conn.Close()
			continue
		}
		p.running.Go(func() {
			err := pe.serve()
			p.leave(pe)
			p.log.Info("subscriber gone", "peer", conn.RemoteAddr().String(), "error", err,
				"sent", pe.sent.Load(), "dropped", pe.dropped.Load())
		})
	}
}

func (p *Publisher) join(pe *peer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := *p.peers.Load()
	if p.closing || len(old) >= peersMax {
		return false
	}
	grown := append(append(make([]*peer, 0, len(old)+1), old...), pe)
	p.peers.Store(&grown)
	return true
}

func (p *Publisher) leave(pe *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := *p.peers.Load()
	rest := make([]*peer, 0, len(old))
	for _, other := range old {
		if other != pe {
			rest = append(rest, other)
		}
	}
	p.peers.Store(&rest)
	p.gone.sent.Add(pe.sent.Load())
	p.gone.dropped.Add(pe.dropped.Load())
}
