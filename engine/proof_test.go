package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

// An event is any event of the typed dialects.
type event struct {
	Type, Op, Token, Feed, Error, Reason string
	ID                                   any
	Epoch, TS                            int64
	Seq, Count, From, To, Sum, Pending   uint64
	Code, Limit                          int
	HBMs                                 int  `json:"hb_ms"`
	ExpiresIn                            int  `json:"expires_in"`
	RetryMs                              int  `json:"retry_ms"`
	AgeMs                                *int `json:"age_ms"`
	DeadlineMs                           int  `json:"deadline_ms"`
	More                                 bool
	Data                                 json.RawMessage
	LTP                                  json.RawMessage
	OK                                   []struct {
		Token   string
		Ref     uint32
		Seq     uint64
		Mode    string
		MaxRate float64 `json:"max_rate"`
	}
	Failed []struct {
		Token, Error string
		Code         int
	}
	bytes int
}

// A prover is a typed stream's client that proves all that it is told. It keeps of each
// token the last seq, and fails at the first tick lost, doubled, foreign or torn.
type prover struct {
	*peer
	epoch  int64
	names  map[uint32]string
	last   map[string]uint64
	due    string // a skip was told of this token: its tick comes next
	gap    map[string]uint64
	resume map[string]uint64 // what a resume in flight gave as from

	received, skipped, gapped uint64
	beats                     int
	feed                      string
}

// prove opens a typed stream and reads its welcome and first heartbeat.
func prove(t testing.TB, e *Engine, s Stream) *prover {
	t.Helper()
	p := &prover{peer: connect(t, e, s), names: map[uint32]string{}, last: map[string]uint64{},
		gap: map[string]uint64{}, resume: map[string]uint64{}}
	p.wait = time.Minute // a kernel probes a window below loopback's segments ever more rarely
	if v := p.expect("welcome"); v.Epoch == 0 || v.HBMs == 0 {
		t.Fatalf("welcome %+v", v)
	} else {
		p.epoch = v.Epoch
	}
	p.expect("hb")
	return p
}

// read reads the next event and proves it.
func (p *prover) read() (v event, err error) {
	op, payload, err := p.next()
	for err == nil && op == proto.OpPing {
		op, payload, err = p.next()
	}
	switch {
	case err != nil:
		return v, err
	case op == proto.OpClose:
		return v, fmt.Errorf("closed: %x %q: %w", payload[:2], payload[2:], io.EOF)
	case op == proto.OpBinary:
		v, err = p.binary(payload)
	default:
		if err = json.Unmarshal([]byte(payload), &v); err != nil {
			err = fmt.Errorf("torn event %q: %w", payload, err)
		}
	}
	v.bytes = proto.FrameSize(len(payload))
	if err == nil {
		if err = p.prove(&v); err != nil {
			err = fmt.Errorf("%w in %q", err, payload)
		}
	}
	return v, err
}

func (p *prover) binary(payload string) (v event, err error) {
	b, err := proto.ParseBinary([]byte(payload), p.epoch)
	if err != nil {
		return v, fmt.Errorf("binary %x: %w", payload, err)
	}
	v = event{Type: "tick", Token: p.names[b.Ref], Seq: b.Seq, TS: b.TS}
	if b.Snap {
		v.Type = "snap"
	}
	v.LTP = json.RawMessage(b.LTP.String())
	return v, nil
}

func (p *prover) prove(v *event) error {
	if p.due != "" && (v.Type != "tick" && v.Type != "snap" || v.Token != p.due) {
		return fmt.Errorf("a skip of %s is not followed by its tick", p.due)
	}
	last, held := p.last[v.Token]
	switch v.Type {
	case "ack":
		return p.proveAck(v)
	case "tick", "snap":
		p.due = ""
		if err := p.proveTick(v, last, held); err != nil {
			return err
		}
		p.last[v.Token] = v.Seq
		p.received++
	case "skip":
		if !held || v.Count == 0 || v.Count != v.Seq-1-last {
			return fmt.Errorf("skip of %s after %d", v.Token, last)
		}
		p.last[v.Token] = v.Seq - 1
		p.due = v.Token
		p.skipped += v.Count
	case "gap":
		if v.Reason == proto.GapFeed {
			return nil // the feed's own numbers
		}
		if !held || v.From != last+1 {
			return fmt.Errorf("gap of %s after %d", v.Token, last)
		}
		p.gap[v.Token] = v.To
		p.gapped += v.To - last
	case "hb":
		p.beats++
		p.feed = v.Feed
		sum := v.Pending
		for _, n := range p.last {
			sum += n
		}
		if sum != v.Sum {
			return fmt.Errorf("sum with what is pending is %d", sum)
		}
	}
	return nil
}

func (p *prover) proveTick(v *event, last uint64, held bool) error {
	to, gap := p.gap[v.Token]
	delete(p.gap, v.Token)
	switch {
	case !held:
		return fmt.Errorf("foreign token %s", v.Token)
	case v.Type == "tick" && v.Seq != last+1:
		return fmt.Errorf("%s after %d", v.Token, last)
	case v.Type == "snap" && gap && v.Seq != to+1 && v.Seq != 0:
		return fmt.Errorf("snap of %s after a gap to %d", v.Token, to)
	case v.Type == "snap" && !gap && v.Seq != last && v.Seq != last+1:
		return fmt.Errorf("snap of %s after %d", v.Token, last)
	}
	number := string(v.LTP)
	if v.Data != nil {
		var d struct {
			Token string
			LTP   json.RawMessage
		}
		if json.Unmarshal(v.Data, &d) != nil || d.Token != v.Token {
			return fmt.Errorf("data of %s", d.Token)
		}
		number = string(d.LTP)
	}
	whole, _, _ := strings.Cut(number, ".")
	if n, err := strconv.ParseUint(whole, 10, 64); err != nil || n != v.Seq {
		return fmt.Errorf("tick %d of %s says %q", v.Seq, v.Token, number)
	}
	return nil
}

func (p *prover) proveAck(v *event) error {
	for _, x := range v.OK {
		p.names[x.Ref] = x.Token
		last, held := p.last[x.Token]
		from, resumed := p.resume[x.Token]
		switch {
		case v.Op == "unsubscribe" || v.Op == "list":
			if !held || last != x.Seq {
				return fmt.Errorf("%s ends at %d", x.Token, last)
			}
		case resumed && from != x.Seq && x.Seq != 0:
			return fmt.Errorf("%s goes on from %d", x.Token, from)
		case held && !resumed && x.Seq != last:
			return fmt.Errorf("%s is at %d", x.Token, last)
		}
		if v.Op == "unsubscribe" {
			delete(p.last, x.Token)
		} else {
			p.last[x.Token] = x.Seq
		}
		delete(p.resume, x.Token)
	}
	return nil
}

// expect reads up to an event of a type, past ticks and heartbeats, and returns it.
func (p *prover) expect(kind string) event {
	p.t.Helper()
	for {
		v, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if v.Type == kind {
			return v
		}
	}
}

// ask sends a request and returns the last piece of its ack, with all tokens.
func (p *prover) ask(request string) (all event) {
	p.t.Helper()
	p.text(request)
	for {
		v := p.expect("ack")
		all.Op, all.ID, all.Count, all.Limit = v.Op, v.ID, v.Count, v.Limit
		all.OK, all.Failed = append(all.OK, v.OK...), append(all.Failed, v.Failed...)
		if v.bytes > ackBytesMax+4 {
			p.t.Fatalf("an ack of %d bytes", v.bytes)
		}
		if !v.More {
			return all
		}
	}
}

// resumeFrom makes a request that goes on where p stopped, and expects it on q.
func (p *prover) resumeOn(q *prover) string {
	from := map[string]uint64{}
	for name, last := range p.last {
		from[name] = last
		q.resume[name] = last
	}
	b, _ := json.Marshal(map[string]any{"op": "subscribe", "epoch": p.epoch, "from": from})
	return string(b)
}

// now publishes the n-th tick of a token as of now.
func (e *Engine) now(p *Publisher, token string, n int) {
	p.Tick([]byte(token), []byte(tick(token, n)), time.Now().UnixMicro())
}
