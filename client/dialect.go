package client

import "fmt"

// A Dialect names how ticks and requests are written on a stream. All dialects
// have the same Stream; they differ in what a Tick carries and in what can be
// asked. JSON and Binary are the typed ones: they have sequence numbers, resume,
// and a proof that nothing was lost.
type Dialect string

const (
	// Text is the original's dialect: the publisher's JSON, one frame per tick,
	// without sequence numbers or times.
	Text Dialect = ""

	// JSON has one JSON object per frame, with the publisher's JSON inside.
	JSON Dialect = "azira.v1.json"

	// Binary is JSON, but ticks are records of a few bytes with exact prices and
	// nothing else of what the publisher said.
	Binary Dialect = "azira.v1.bin"
)

func (d Dialect) typed() bool { return d != Text }

// A verb is what a request asks for.
type verb string

const (
	subscribe   verb = "subscribe"
	unsubscribe verb = "unsubscribe"
	list        verb = "list"
	ping        verb = "ping"
	renew       verb = "auth"
	acknowledge verb = "ack"
	roster      verb = "roster"
)

// A wire is one connection's side of a dialect. Its methods but appendRequest
// belong to the goroutine that reads.
type wire interface {
	// appendRequest writes one request frame's payload. Any goroutine.
	appendRequest(dst []byte, r *request) []byte

	// parse reads one message. The event's tick aliases p.
	parse(p []byte, isText bool) event
}

// An event is what one message means: a tick, the answer to a request, what else
// a typed dialect says, or nothing that concerns the Stream.
type event struct {
	kind   eventKind
	tick   Tick
	answer error  // Text: of the oldest request; nil: confirmed
	f      *frame // typed: all but ticks; messages in Text too
}

type eventKind uint8

const (
	eventNone   eventKind = iota
	eventTick             // tick, snap
	eventAnswer           // ack, pong, error; whatever Text says of a request
	eventWelcome
	eventSkip
	eventGap
	eventBeat // hb
	eventDrain
	eventMessage
	eventRoster
	eventPresence
	eventBad // not what the protocol says
)

func newWire(d Dialect, m MessagesMode) (wire, error) {
	switch d {
	case Text:
		return &text{names: make(names), messages: m == MessagesOn}, nil
	case JSON, Binary:
		return &typed{names: make(names), refs: make(map[uint64]string)}, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrDialect, string(d))
}

// names lets the ticks of a token share one string.
type names map[string]string

func (n names) share(p []byte) string {
	if s, ok := n[string(p)]; ok {
		return s
	}
	s := string(p)
	if len(n) < namesMax {
		n[s] = s
	}
	return s
}
