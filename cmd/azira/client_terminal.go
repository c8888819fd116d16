package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A terminal is where the client talks: standard input, output and error, each
// of which may be a file or a pipe instead. Only one goroutine asks.
type terminal struct {
	in       *bufio.Reader
	inFile   *os.File // nil if standard input is no terminal
	out, err io.Writer
	screen   *os.File         // nil if standard output is no terminal
	lines    chan inputResult // of one place: the read under way
	reading  bool
}

type inputResult struct {
	line string
	err  error
}

func newTerminal(in io.Reader, stdout, stderr io.Writer) *terminal {
	tm := &terminal{in: bufio.NewReaderSize(in, lineBytesMax), out: stdout, err: stderr,
		lines: make(chan inputResult, 1)}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		tm.inFile = f
	}
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		tm.screen = f
	}
	return tm
}

// size is that of the screen, asked anew each time, since it may change.
func (tm *terminal) size() (width, height int) {
	if tm.screen != nil {
		if w, h, err := term.GetSize(int(tm.screen.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return widthDefault, heightDefault
}

// colour tells whether the screen takes it (https://no-color.org).
func (tm *terminal) colour() bool {
	return tm.screen != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// ask prompts on standard error and returns the next line of standard input.
func (tm *terminal) ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(tm.err, prompt)
	select {
	case r := <-tm.next(func() (string, error) { return readLine(tm.in) }):
		tm.reading = false
		return strings.TrimSpace(r.line), r.err
	case <-ctx.Done():
		fmt.Fprintln(tm.err)
		return "", ctx.Err()
	}
}

// enter is a channel that gets the next line. A read cannot be called back: if
// it is not waited for, the next ask gets its line.
func (tm *terminal) enter() <-chan inputResult {
	return tm.next(func() (string, error) { return readLine(tm.in) })
}

func (tm *terminal) next(read func() (string, error)) <-chan inputResult {
	if !tm.reading {
		tm.reading = true
		go func() {
			line, err := read()
			tm.lines <- inputResult{line, err}
		}()
	}
	return tm.lines
}

// readLine reads to the end of the line; at the end of input it is io.EOF.
func readLine(r *bufio.Reader) (string, error) {
	p, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("line of input over %d bytes", lineBytesMax)
	case errors.Is(err, io.EOF) && len(p) > 0:
		return string(p), nil
	}
	return string(p), err
}

// askSecret is ask without echo. Without a terminal it is ask.
func (tm *terminal) askSecret(ctx context.Context, prompt string) (string, error) {
	if tm.inFile == nil {
		return tm.ask(ctx, prompt)
	}
	fd := int(tm.inFile.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read terminal: %w", err)
	}
	fmt.Fprint(tm.err, prompt)
	defer fmt.Fprintln(tm.err)
	result := tm.next(func() (string, error) {
		p, err := term.ReadPassword(fd)
		return string(p), err
	})
	select {
	case r := <-result:
		tm.reading = false
		return r.line, r.err
	case <-ctx.Done():
		// The read still has the echo off, and will not end.
		if err := term.Restore(fd, before); err != nil {
			return "", fmt.Errorf("restore terminal: %w", err)
		}
		return "", ctx.Err()
	}
}

// keys gives each key as it is pressed, Ctrl-C among them, until back is called; nil if
// standard input is no terminal. Whoever reads keys reads no lines any more.
func (tm *terminal) keys() (pressed <-chan byte, back func(), err error) {
	if tm.inFile == nil {
		return nil, func() {}, nil
	}
	fd := int(tm.inFile.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, nil, fmt.Errorf("set up terminal: %w", err)
	}
	all := make(chan byte)
	go func() { // ends with the process: a read cannot be called back
		for {
			b, err := tm.in.ReadByte()
			if err != nil {
				return
			}
			all <- b
		}
	}()
	return all, func() { _ = term.Restore(fd, before) }, nil
}
