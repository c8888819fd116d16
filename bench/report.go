package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
	"time"
)

// A Head says what was run, when, and where: the beginning of every report.
type Head struct {
	Scenario string    `json:"scenario"`
	Date     time.Time `json:"date"`
	Machine  Machine   `json:"machine"`
	Command  string    `json:"command"`
}

func newHead(scenario, command string) Head {
	return Head{scenario, time.Now().UTC().Truncate(time.Second), thisMachine(), command}
}

// A Report is what a scenario found. It encodes to JSON as it is.
type Report interface {
	table(t *table)
}

// Write writes a report as a table or, for machines, as JSON.
func Write(w io.Writer, r Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	r.table(t)
	return t.w.Flush()
}

// A table is text in columns. Errors show when it is flushed.
type table struct{ w *tabwriter.Writer }

// row writes cells; the columns of adjacent rows are aligned.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, c)
	}
	fmt.Fprintln(t.w)
}

// section begins a new block of rows.
func (t *table) section(title string) {
	fmt.Fprintf(t.w, "\n%s\n", title)
}

func (t *table) head(h Head) {
	fmt.Fprintf(t.w, "%s\n\n", h.Command)
	t.row("date", h.Date.Format(time.RFC3339))
	t.row("machine", h.Machine.String())
	t.row("kernel", h.Machine.Kernel)
	t.row("go", h.Machine.Go)
}

// whole writes 1234567 as 1,234,567.
func whole(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v <= -0.5 {
		s = "-" + s
	}
	return s
}

// known is whole, except that 0 is what nobody told.
func known(v float64) string {
	if v == 0 {
		return "n/a"
	}
	return whole(v)
}

func decimals(v float64, n int) string { return strconv.FormatFloat(v, 'f', n, 64) }
