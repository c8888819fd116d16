package server

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeHelp is the overview of azira serve: the table of settings by group.
func writeHelp(w io.Writer) {
	fmt.Fprint(w, "azira serve takes ticks from ZeroMQ endpoints "+
		"and serves them over WebSocket.\n\n"+
		"Each flag has a twin in the environment and a key in the file of --config:\n"+
		"--tokens-max 5000 is AZIRA_TOKENS_MAX=5000 is tokens-max = 5000.\n"+
		"Flags win over the environment, the environment over the file.\n")
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s:\n", g)
		for i := range settings {
			if st := &settings[i]; st.group == g {
				writeSetting(w, st)
			}
		}
	}
	fmt.Fprint(w, "\nConfiguration:\n")
	writeRow(w, "--config FILE", "file of settings (TOML); azira checkconfig FILE checks it", "")
}

func writeSetting(w io.Writer, st *setting) {
	head := "--" + st.name
	if st.arg != "" {
		head += " " + st.arg
	}
	def := st.def
	if def == "false" {
		def = ""
	}
	writeRow(w, head, st.help, def)
}

func writeRow(w io.Writer, head, help, def string) {
	if def != "" {
		help += " (" + def + ")"
	}
	pad := strings.Repeat(" ", max(1, 28-utf8.RuneCountInString(head)))
	fmt.Fprintf(w, "  %s%s%s\n", head, pad, help)
}

// nearest is the known setting closest in spelling to name, or empty when
// none is close.
func nearest(name string) string {
	best, bestAt := "", 1+max(1, len(name)/3)
	for i := range settings {
		if d := distance(name, settings[i].name); d < bestAt {
			best, bestAt = settings[i].name, d
		}
	}
	return best
}

// distance is the number of single-byte edits between two words (Levenshtein).
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			edit := diagonal
			if a[i] != b[j] {
				edit++
			}
			diagonal = row[j+1]
			row[j+1] = min(edit, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// clip keeps text short in a message, cut at a whole rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
