package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A logger is what Pebble talks to. Its chatter goes to the debug level; what
// Pebble cannot go on after ends the process with one line, never a trace.
type logger struct {
	// Fixed after newLogger.
	log  *slog.Logger
	dir  string
	exit func(code int)

	mu   sync.Mutex
	last time.Time // of the last line about background trouble
}

func newLogger(l *slog.Logger, dir string, exit func(int)) *logger {
	return &logger{log: l, dir: dir, exit: exit}
}

func (l *logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble: " + oneLine(fmt.Sprintf(format, args...)))
	}
}

func (l *logger) Errorf(format string, args ...any) {
	l.trouble(fmt.Sprintf(format, args...))
}

// Fatalf does not return: Pebble relies on it.
func (l *logger) Fatalf(format string, args ...any) {
	l.log.Error(fmt.Sprintf("store: cannot go on with %s: %s: "+
		"check the disk (space, errors), then start again; acknowledged writes are kept",
		l.dir, oneLine(fmt.Sprintf(format, args...))))
	l.exit(1)
	select {} // the process is ending
}

// fatalPanic, deferred, ends the process in place of a panic: Pebble panics
// when its log cannot be written.
func (l *logger) fatalPanic() {
	if r := recover(); r != nil {
		l.Fatalf("%v", r)
	}
}

// trouble logs one line, unless it did so a moment ago.
func (l *logger) trouble(text string) {
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

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
