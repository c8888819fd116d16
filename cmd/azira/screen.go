package main

import (
	"fmt"
	"strings"
	"time"
)

// A screen shows a table: drawn over itself on a terminal, line after line with
// the time in front where there is none.
type screen struct {
	tm    *terminal
	lines int // drawn last time
}

func newScreen(tm *terminal) *screen { return &screen{tm: tm} }

// every is how often it is to be drawn.
func (s *screen) every() time.Duration {
	if s.tm.screen != nil {
		return redrawEvery
	}
	return linesEvery
}

func (s *screen) draw(tb *table, header string, now time.Time) {
	width, height := s.tm.size()
	if s.tm.screen == nil {
		for _, line := range tb.render(header, width, 1<<20, false) {
			fmt.Fprintf(s.tm.out, "%s %s\n", now.Format("15:04:05"), strings.TrimRight(line, " "))
		}
		return
	}
	// The last line of the terminal stays free for the cursor.
	lines := tb.render(header, width, height-1, s.tm.colour())
	fmt.Fprint(s.tm.out, redraw(lines, s.lines))
	s.lines = len(lines)
}

// redraw moves up over the lines drawn before, writes the new ones, each cleared
// to its end, and clears what is left below, all in one write.
func redraw(lines []string, before int) string {
	var b strings.Builder
	if before > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", before)
	}
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	return b.String()
}
