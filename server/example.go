package server

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteExample writes a file for --config that names every setting with what it does,
// the form of its value and its default, all commented out: such a file changes nothing.
func WriteExample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Settings of azira serve, one a line, each with its default.\n" +
		"# Take the # away from those that are to differ; " +
		"azira checkconfig FILE checks the file.\n" +
		"# A flag (--tokens-max 5000) wins over the environment (AZIRA_TOKENS_MAX=5000),\n" +
		"# and both over this file.\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n# --- %s ---\n", g)
		for i := range settings {
			if st := &settings[i]; st.group == g {
				writeExample(&b, st)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeExample(b *strings.Builder, st *setting) {
	fmt.Fprintf(b, "\n# %s", st.help)
	if st.arg != "" {
		fmt.Fprintf(b, " (%s)", st.arg)
	}
	fmt.Fprintf(b, "\n#%s = %s\n", st.name, exampleValue(st))
}

// exampleValue is a setting's default as the file has it.
func exampleValue(st *setting) string {
	var scratch Config
	switch st.bind(&scratch).kind() {
	case kindBool, kindNumber:
		return st.def
	case kindList:
		items := strings.FieldsFunc(st.def, func(r rune) bool { return r == ',' })
		for i := range items {
			items[i] = strconv.Quote(items[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return strconv.Quote(st.def)
}
