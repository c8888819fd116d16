package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page of attacks names tests that there are.
func TestAttacksAreListed(t *testing.T) {
	page, err := os.ReadFile("../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pattern := range []string{"*_test.go", "../auth/*_test.go"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			p, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(p)
		}
	}
	for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(string(page), -1) {
		if !strings.Contains(all.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}
