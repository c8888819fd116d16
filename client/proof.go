package client

import "time"

// A Proof says how much of what the server published for the tokens held is
// accounted for. State goes by the last heartbeat; counts are as of now, of those
// tokens, in the server's present run.
type Proof struct {
	State   ProofState
	At      time.Time // of the heartbeat it goes by; zero while there is none
	Epoch   uint64    // of the server's run
	Tokens  int       // held
	Proven  int       // of them those that the heartbeat speaks of
	Pending uint64    // ticks that max_rate held back at that moment
	Totals
}

// Totals count ticks.
type Totals struct {
	Received uint64
	Skipped  uint64 // conflated by the server, as it said
	Gapped   uint64 // out of the server's memory, as it said
	Lost     uint64 // not had, and nothing said of them
	Doubled  uint64 // came again and were dropped
}

func (t *Totals) add(o Totals) {
	t.Received += o.Received
	t.Skipped += o.Skipped
	t.Gapped += o.Gapped
	t.Lost += o.Lost
	t.Doubled += o.Doubled
}

// A ProofState is what is known.
type ProofState uint8

const (
	// Unproven is the state while there is no connection and until a heartbeat of it
	// has spoken of all tokens held, and always that of the text dialect.
	Unproven ProofState = iota

	// Complete: up to the heartbeat every tick was received, or skipped or gapped
	// with notice.
	Complete

	// Incomplete: ticks are missing. They may still come, as a hole is asked for
	// again; those that are Lost will not, also when the connection ends.
	Incomplete
)

func (s ProofState) String() string { return [...]string{"unproven", "complete", "incomplete"}[s] }

// An Account is the proof of one token: from Base, the seq at its subscribe,
// Last − Base = Received + Skipped + Gapped + Lost.
type Account struct {
	Token   string
	Options SubscribeOptions
	Epoch   uint64 // of the run that Base and Last count in
	Base    uint64
	Last    uint64
	Totals
}
