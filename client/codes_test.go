package client

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The client keeps to the rule that its users are given.
func TestReconnectsAsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/errors/README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	row := regexp.MustCompile(`(?m)^\| \[(\d{4})\]\(\d+\.md\) \| .+ \| (.+) \|$`)
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		n++
		code, _ := strconv.Atoi(m[1])
		if again := strings.HasPrefix(m[2], "yes"); again != Reconnects(code) {
			t.Errorf("%d: documented as %q, the client says %v", code, m[2], !again)
		}
	}
	if n < 15 {
		t.Errorf("%d codes in the table", n)
	}
}
