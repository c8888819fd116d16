package engine

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"azira/proto"
)

// The defaults of Options that tests reckon with.
const (
	requestBytes      = 4 << 10
	subscribeBytes    = 128 << 10
	partialBytes      = 16 << 20
	requestsPerSecond = 10
	requestsBurst     = 50
	refusedMax        = 500
)

// An owner is told what becomes of a stream.
type owner struct {
	handle chan uint64
	ended  chan int
	ends   atomic.Int32
	tokens atomic.Int64
	parked atomic.Int64
}

func newOwner() *owner {
	return &owner{handle: make(chan uint64, 1), ended: make(chan int, 10)}
}

func (o *owner) Opened(h uint64)    { o.handle <- h }
func (o *owner) Holds(n int)        { o.tokens.Store(int64(n)) }
func (o *owner) Parked(since int64) { o.parked.Store(since) }
func (o *owner) Ended(code int)     { o.ends.Add(1); o.ended <- code }

// A peer is the far end of a stream: a client that speaks by the letter.
type peer struct {
	t     testing.TB
	conn  *net.TCPConn
	r     *bufio.Reader
	owner *owner
	seal  *plainSealer  // if the stream is sealed
	wait  time.Duration // for a frame
}

func newEngine(t testing.TB, o Options) *Engine {
	t.Helper()
	if o.RingBytes == 0 {
		o.RingBytes = 1 << 20
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() }) // a test may have stopped it
	return e
}

// connect opens a stream over loopback.
func connect(t testing.TB, e *Engine, s Stream) *peer {
	t.Helper()
	e.caughtUp(t)
	near, far := pair(t)
	p := &peer{t: t, conn: far.(*net.TCPConn), r: bufio.NewReaderSize(far, 64<<10), owner: newOwner(),
		wait: 5 * time.Second}
	if s.Owner == nil {
		s.Owner = p.owner
	}
	if x, ok := s.Sealer.(*plainSealer); ok {
		p.seal = x
		p.r = bufio.NewReaderSize(&unsealer{r: far}, 64<<10)
	}
	if err := e.Attach(dup(t, near), s); err != nil {
		t.Fatal(err)
	}
	return p
}

// caughtUp waits until all loops have drained what is published by now: a stream
// that subscribes from its first byte on gets nothing older.
func (e *Engine) caughtUp(t testing.TB) {
	t.Helper()
	n := e.Stats().TicksIn
	eventually(t, "the loops have drained all", func() bool {
		for _, l := range e.loops {
			if l.stats.drained.Load()+l.stats.overrun.Load() < n && !e.ended.Load() {
				return false
			}
		}
		return true
	})
}

// pair returns the two ends of a connection over loopback.
func pair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// dup takes a socket out of the net package.
func dup(t testing.TB, c net.Conn) (fd int) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	return fd
}

// frame masks a client frame.
func frame(fin bool, op proto.Op, payload string) []byte {
	b := []byte{byte(op)}
	if fin {
		b[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := []byte{9, 8, 7, 6}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	if p.seal != nil {
		var records []byte
		for ; len(b) > 0; b = b[min(len(b), 1000):] {
			records, _ = new(plainSealer).Seal(records, b[:min(len(b), 1000)])
		}
		b = records
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) text(s string) { p.t.Helper(); p.send(frame(true, proto.OpText, s)) }

// next reads a frame, within p.wait.
// shrink gives p's socket little room, so that it soon takes no more. The kernel then
// tries ever more seldom, the longer nobody reads: what comes later may take as long.
func (p *peer) shrink() {
	p.wait = time.Minute
	if err := p.conn.SetReadBuffer(4 << 10); err != nil {
		p.t.Error(err)
	}
}

func (p *peer) next() (op proto.Op, payload string, err error) {
	p.conn.SetReadDeadline(time.Now().Add(p.wait))
	var h [2]byte
	if _, err := io.ReadFull(p.r, h[:]); err != nil {
		return 0, "", err
	}
	if h[0]&0xf0 != 0x80 || h[1]&0x80 != 0 {
		return 0, "", fmt.Errorf("a server frame begins %x", h)
	}
	n := uint64(h[1])
	switch n {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(p.r, b[:]); err != nil {
			return 0, "", err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(p.r, b[:]); err != nil {
			return 0, "", err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	b := make([]byte, n)
	_, err = io.ReadFull(p.r, b)
	return proto.Op(h[0] & 0x0f), string(b), err
}

// want reads a text frame and compares it.
func (p *peer) want(text string) {
	p.t.Helper()
	op, got, err := p.next()
	if err != nil || op != proto.OpText || got != text {
		p.t.Fatalf("got %d %q %v, want %q", op, got, err, text)
	}
}

// wantClose reads up to a close frame, compares its code, and sees the end.
func (p *peer) wantClose(code int) {
	p.t.Helper()
	for {
		op, got, err := p.next()
		if err != nil {
			p.t.Fatalf("no close frame: %v", err)
		}
		if op != proto.OpClose {
			continue
		}
		if c := int(binary.BigEndian.Uint16([]byte(got))); c != code {
			p.t.Fatalf("closed with %d %q, want %d", c, got[2:], code)
		}
		break
	}
	if _, _, err := p.next(); err != io.EOF {
		p.t.Fatalf("after the close frame: %v", err)
	}
	p.conn.Close()
	p.wantEnded(code)
}

func (p *peer) wantEnded(code int) {
	p.t.Helper()
	select {
	case got := <-p.owner.ended:
		if got != code {
			p.t.Fatalf("ended with %d, want %d", got, code)
		}
	case <-time.After(5 * time.Second):
		p.t.Fatal("the owner was never told of the end")
	}
}

// subscribe sends a subscribe and reads its answer.
func (p *peer) subscribe(tokens ...string) {
	p.t.Helper()
	p.text("subscribe|" + strings.Join(tokens, ","))
	p.want("Subscribed to tokens: " + strings.Join(tokens, ", "))
}

// tick is the JSON of the n-th tick of a token.
func tick(token string, n int) string {
	return fmt.Sprintf(`{"token":%q,"ltp":%d.05}`, token, n)
}

func publish(p *Publisher, token string, n int) {
	p.Tick([]byte(token), []byte(tick(token, n)), int64(n))
}

// eventually waits for what comes soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// code is the close code that the owner was told, within a second; 0 if there is none.
func (o *owner) code() int {
	select {
	case code := <-o.ended:
		return code
	case <-time.After(time.Second):
		return 0
	}
}
