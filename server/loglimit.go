package server

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A limitedLog keeps clients from filling the log: of lines that say the same, whatever
// their attributes, so many pass in a time, and the first that passes after it says how
// many did not. Kinds of lines beyond a bound share one allowance.
//
//	level=WARN msg="…" …  suppressed=412
//
// It is a slog.Handler.
type limitedLog struct {
	slog.Handler
	state *limitedLogs
}

// limitedLogs are shared by a handler and those made of it.
type limitedLogs struct {
	// Fixed.
	now   func() time.Time
	lines int           // of one kind that pass
	every time.Duration // in so long

	// Shared.
	mu    sync.Mutex
	kinds map[string]*lineKind // under mu
}

type lineKind struct {
	since      time.Time
	passed     int
	suppressed int
}

func newLimitedLog(h slog.Handler) slog.Handler {
	return limitedLog{h, &limitedLogs{now: time.Now, lines: logLines, every: logEvery,
		kinds: make(map[string]*lineKind)}}
}

// Handle passes a line on, or counts it.
func (l limitedLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return l.Handler.Handle(ctx, r)
	}
	suppressed, ok := l.state.admit(kindOf(r))
	if !ok {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("suppressed", suppressed))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup share the allowance.
func (l limitedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limitedLog{l.Handler.WithAttrs(attrs), l.state}
}

func (l limitedLog) WithGroup(name string) slog.Handler {
	return limitedLog{l.Handler.WithGroup(name), l.state}
}

// kindOf is the line without what differs from client to client. Lines of net/http
// are whole sentences with addresses in them: their first words tell them apart.
func kindOf(r slog.Record) string {
	words := strings.SplitN(r.Message, " ", logKindWords+1)
	return r.Level.String() + " " + strings.Join(words[:min(len(words), logKindWords)], " ")
}

func (s *limitedLogs) admit(kind string) (suppressed int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if k == nil {
		if len(s.kinds) >= logKinds {
			kind = ""
		}
		if k = s.kinds[kind]; k == nil {
			k = &lineKind{}
			s.kinds[kind] = k
		}
	}
	if now := s.now(); now.Sub(k.since) >= s.every {
		suppressed, k.suppressed = k.suppressed, 0
		k.since, k.passed = now, 0
	}
	if k.passed == s.lines {
		k.suppressed++
		return 0, false
	}
	k.passed++
	return suppressed, true
}
