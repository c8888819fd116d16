package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A logger is what Pebble talks to. Its chatter goes to the debug level; what
// Pebble cannot go on after fails the opening it belongs to.
type logger struct {
	// Fixed after newLogger.
	log *slog.Logger
	dir string
	on  *opened // nil = the Store's own

	mu   sync.Mutex
	last time.Time // of the last line about background trouble
}

func newLogger(l *slog.Logger, dir string) *logger { return &logger{log: l, dir: dir} }

func (l *logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble: " + oneLine(fmt.Sprintf(format, args...)))
	}
}

func (l *logger) Errorf(format string, args ...any) {
	l.trouble(fmt.Sprintf(format, args...))
}

// Fatalf does not return: Pebble relies on it. The goroutine stays here.
func (l *logger) Fatalf(format string, args ...any) {
	l.on.fail(errors.New(fmt.Sprintf(format, args...)))
	select {}
}

// background takes an error of what Pebble does beside the calls. It tries that again at
// once, for ever: an opening that waits for it would never end, so it fails.
func (l *logger) background(err error) {
	if l.on.fence.serving.Load() {
		l.trouble(err.Error())
		return
	}
	l.on.fail(err)
}

// trouble logs one line, unless it did so a moment ago or the opening has
// failed, which is told elsewhere.
func (l *logger) trouble(text string) {
	if l.on != nil && l.on.dead() {
		return
	}
	l.mu.Lock()
	quiet := time.Since(l.last) < troubleEvery
	if !quiet {
		l.last = time.Now()
	}
	l.mu.Unlock()
	if !quiet {
		l.log.Error("store: trouble with " + l.dir + ": " + oneLine(text))
	}
}

// oneLine is Pebble's text without its asides.
func oneLine(s string) string {
	for _, aside := range []string{"<corruption detail carrier>", "pebble: "} {
		s = strings.ReplaceAll(s, aside, "")
	}
	return strings.Join(strings.Fields(s), " ")
}
