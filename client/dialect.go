package client

import "fmt"

// A Dialect names how ticks and requests are written on a stream. All dialects
// have the same Stream; they differ in what a Tick carries.
type Dialect string

// Text is the original's dialect: the publisher's JSON, one frame per tick,
// without sequence numbers or times.
const Text Dialect = ""

// A verb is what a request asks for.
type verb string

const (
	subscribe   verb = "subscribe"
	unsubscribe verb = "unsubscribe"
)

// A wire is one connection's side of a dialect. Its methods but appendRequest
// belong to the goroutine that reads.
type wire interface {
	// appendRequest writes one request frame's payload. Any goroutine.
	appendRequest(dst []byte, v verb, tokens []string) []byte

	// parse reads one message. The event's tick aliases p.
	parse(p []byte) event
}

// An event is what one message means: a tick, the answer to the oldest request
// without one, or nothing that concerns the Stream.
type event struct {
	kind   eventKind
	tick   Tick
	answer error // nil: confirmed
}

type eventKind uint8

const (
	eventNone eventKind = iota
	eventTick
	eventAnswer
)

func newWire(d Dialect) (wire, error) {
	switch d {
	case Text:
		return &text{names: make(map[string]string)}, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrDialect, string(d))
}
