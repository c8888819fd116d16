package server

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"azira/auth"
	"azira/engine"

	"golang.org/x/sys/unix"
)

// A door is a way in for streams.
type door struct {
	ticket  string // parameter that has one
	dialect uint8  // if the client names none
	allowed func(auth.Identity) bool
}

func anyone(auth.Identity) bool { return true }

// stream opens a stream of whoever the credential names.
func (p *public) stream(r *request) answer {
	return p.open(r, door{ticket: "ticket", allowed: anyone})
}

// streamOf opens a stream of the account in the path, which must be the credential's.
func (p *public) streamOf(r *request) answer {
	own := func(id auth.Identity) bool { return isName(r.param, id) }
	return p.open(r, door{ticket: "ticket", allowed: own})
}

// messageStream opens a stream for messages first, as older browser programs know it.
func (p *public) messageStream(r *request) answer {
	return p.open(r, door{ticket: "authorization", dialect: dialectJSON, allowed: anyone})
}

// echo opens a stream that says back whatever it hears, to anyone.
func (p *public) echo(r *request) answer {
	if a, ok := p.admit(r); !ok {
		return a
	}
	defer p.budget.opened()
	if !p.origins.allow(r.Request) {
		return detail(http.StatusForbidden, "Origin not allowed")
	}
	key, a, ok := handshake(r.Request)
	if !ok {
		return a
	}
	s := engine.Stream{Owner: nobody{}, Kind: engine.Echo}
	if err := p.hand(r, key, "", s); err != nil {
		p.log.Debug("upgrade failed", "err", err, "remote", r.from)
	}
	return answer{status: http.StatusSwitchingProtocols, taken: true}
}

// open takes a request for a stream from its credential to the engine. The
// account's slot is taken before anything is said, and freed whatever fails.
func (p *public) open(r *request, d door) answer {
	if a, ok := p.admit(r); !ok {
		return a
	}
	defer p.budget.opened()
	id, err := p.credential(r, d.ticket)
	if err != nil {
		return p.problem(err)
	}
	if !d.allowed(id) {
		return detail(http.StatusForbidden, "The credential belongs to another user")
	}
	if !p.origins.allow(r.Request) { // a ticket that a foreign page has is burnt by now
		return detail(http.StatusForbidden, "Origin not allowed")
	}
	if p.auth.StreamLimit(id.Username) > 0 { // who has no limit of streams has no rate of them
		if wait := p.limiter.account(rateUpgrade, r.from.Addr(), id.Username); wait > 0 {
			return p.limiter.tooMany(wait)
		}
	}
	key, a, ok := handshake(r.Request)
	if !ok {
		return a
	}
	w, a, ok := wishOf(r.Request, d.dialect)
	if !ok {
		return a
	}
	return p.enter(r, key, id, w)
}

// admit refuses streams while the server is going, and those beyond the budget, the
// rate of their address, and what can be done at once.
func (p *public) admit(r *request) (answer, bool) {
	if p.draining.Load() {
		wait := max(1, p.backAt.Load()-time.Now().Unix())
		return unavailable("The server is restarting", strconv.FormatInt(wait, 10)), false
	}
	if wait := p.limiter.address(rateUpgrade, r.from.Addr()); wait > 0 {
		return p.limiter.tooMany(wait), false
	}
	if back, ok := p.storm.admit(r.waited()); !ok {
		p.limiter.stormy.Add(1)
		return unavailable("Too many streams at once", back), false
	}
	if !p.budget.open() {
		return unavailable("Too many streams", soon()), false
	}
	return answer{}, true
}

func unavailable(text, after string) answer {
	return detail(http.StatusServiceUnavailable, text).with("Retry-After", after)
}

// credential is the caller's identity: by its bearer, else by its ticket,
// which is burnt by being shown, beside a bearer too. ticket is the name that it has in
// the query.
func (p *public) credential(r *request, ticket string) (auth.Identity, error) {
	tickets := r.URL.Query()[ticket]
	if len(r.Header["Authorization"]) > 0 {
		for _, t := range tickets {
			_, _ = p.auth.RedeemTicket(t)
		}
		return p.caller(r.Header, byBearer)
	}
	switch {
	case len(tickets) == 0:
		return auth.Identity{}, errNoBearer
	case len(tickets) > 1 || len(tickets[0]) > bearerBytesMax:
		return auth.Identity{}, auth.ErrTicket
	}
	return p.auth.RedeemTicket(tickets[0])
}

// enter takes a slot of the account and hands the socket over. An account
// without a free slot is told so inside the stream, where a browser can see it.
func (p *public) enter(r *request, key string, id auth.Identity, w wish) answer {
	info := streamInfo(r, w)
	d, limit := dialects[info.Dialect], p.auth.StreamLimit(id.Username)
	st, _, err := p.auth.OpenStream(id, info) // one evicted is closed by auth
	s := engine.Stream{
		Owner: nobody{}, Kind: d.kind, Expires: id.Expires,
		Username: id.Username, Connections: limit, Beat: w.beat,
	}
	var full *auth.VendorLimitError
	switch {
	case errors.As(err, &full):
		s.Refuse = &engine.Refusal{Code: closeLimit,
			Reason: "vendor limit " + strconv.Itoa(full.Streams) + " reached"}
	case errors.Is(err, auth.ErrStreamLimit):
		s.Refuse = &engine.Refusal{Code: closeLimit,
			Reason: "connection limit " + strconv.Itoa(limit) + " reached"}
	case err != nil:
		return p.problem(err)
	default:
		s.Owner, s.ID = p.ownerOf(st, w), strconv.FormatUint(st.ID, 10)
		s.Tokens = st.TokensMax()
		defer func() {
			if v := recover(); v != nil {
				s.Owner.Ended(closeAbnormal)
				panic(v)
			}
		}()
	}
	if err := p.hand(r, key, w.protocol, s); err != nil {
		s.Owner.Ended(closeAbnormal)
		if p.budget.missed(err) {
			return unavailable("Too many streams", soon())
		}
		p.log.Debug("upgrade failed", "err", err, "remote", r.from)
	}
	return answer{status: http.StatusSwitchingProtocols, taken: true}
}

// Close codes said or noted here (PROTOCOL §5).
const (
	closeAbnormal = 1006
	closeLimit    = 1008
)

// hand answers 101 and gives the socket to the engine. The engine's descriptor is made
// first: without one the answer can still be another. On an error after the answer the
// connection is closed.
func (p *public) hand(r *request, key, protocol string, s engine.Stream) error {
	sc, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		return errNotSocket
	}
	fd, err := dupSocket(sc.tcp)
	if err != nil {
		return fmt.Errorf("duplicate socket: %w", err)
	}
	if s.Early, err = switchOver(r, key, protocol); err != nil {
		_ = unix.Close(fd)
		return err
	}
	s.Sealer = sc.leave()
	// Only the engine's descriptor is left from here on.
	_ = sc.Close()
	return p.engine.Attach(fd, s)
}

// switchOver takes the connection from net/http, answers 101, and returns what the
// client sent right after its handshake. On an error it is closed.
func switchOver(r *request, key, protocol string) ([]byte, error) {
	c, rw, err := http.NewResponseController(r.w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take connection: %w", err)
	}
	err = c.SetWriteDeadline(time.Now().Add(upgradeTimeout))
	if err == nil {
		_, err = c.Write(appendSwitch(nil, key, protocol, processTime(r.since)))
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("write upgrade: %w", err)
	}
	p, err := early(rw.Reader)
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("read early bytes: %w", err)
	}
	return p, nil
}

// early is what the client sent right after its handshake.
func early(rd *bufio.Reader) ([]byte, error) {
	n := rd.Buffered()
	if n == 0 {
		return nil, nil
	}
	p, err := rd.Peek(n)
	return append([]byte(nil), p...), err
}

// dupSocket is a second descriptor of c's socket, non-blocking as the first.
func dupSocket(c *net.TCPConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, failed := -1, error(nil)
	err = raw.Control(func(old uintptr) {
		fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, failed); err != nil {
		return -1, err
	}
	return fd, nil
}

func streamInfo(r *request, w wish) auth.StreamInfo {
	return auth.StreamInfo{
		Addr: r.from, Agent: clip(r.UserAgent(), agentBytesMax), Dialect: w.dialect,
	}
}

// waited is how long the first request of a connection took since that was accepted.
func (r *request) waited() time.Duration {
	if r.conn == nil || r.conn.served {
		return 0
	}
	r.conn.served = true
	return r.since.Sub(r.conn.since)
}

// nobody owns streams that hold no slot.
type nobody struct{}

func (nobody) Opened(uint64) {}
func (nobody) Holds(int)     {}
func (nobody) Parked(int64)  {}
func (nobody) Ended(int)     {}

// isName compares as accounts are compared: after NFC.
func isName(given string, id auth.Identity) bool {
	name, err := auth.ParseAccountName(given)
	return err == nil && name == id.Username
}
