package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"azira/server"
)

// benchOwn are flags of serve that azira bench sets itself.
var benchOwn = []string{"--listen", "--admin", "--feed", "--data", "--config"}

// checkAlso refuses settings that serve would, before anything is measured.
func checkAlso(all []string) error {
	for i, settings := range all {
		words := strings.Fields(settings)
		if len(words) == 0 || slices.Contains(all[:i], settings) {
			return fmt.Errorf("%w: --also %q: expected settings, each once", errUsage, settings)
		}
		other := strings.Contains(words[0], "/") && !strings.Contains(words[0], "=")
		if other {
			if _, err := exec.LookPath(words[0]); err != nil {
				return fmt.Errorf("%w: --also %s: %w", errUsage, words[0], err)
			}
			words = words[1:]
		}
		for len(words) > 0 && !strings.HasPrefix(words[0], "-") {
			if !strings.Contains(words[0], "=") {
				return fmt.Errorf("%w: --also %q: expected NAME=VALUE or a flag of serve, not %s",
					errUsage, settings, words[0])
			}
			words = words[1:]
		}
		for _, w := range words {
			name, _, _ := strings.Cut("--"+strings.TrimLeft(w, "-"), "=")
			if strings.HasPrefix(w, "-") && slices.Contains(benchOwn, name) {
				return fmt.Errorf("%w: --also %q: azira bench sets %s itself", errUsage,
					settings, name)
			}
		}
		if other { // it may have other flags
			continue
		}
		if _, err := server.LoadConfig(words, nil, io.Discard); err != nil {
			return fmt.Errorf("%w: --also %q: %w", errUsage, settings, err)
		}
	}
	return nil
}

// checkReports sees that reports can be written, before what takes long to measure
// is lost for want of a directory.
func checkReports(jsonFile, htmlFile, profile string) error {
	if jsonFile != "" && jsonFile == htmlFile {
		return fmt.Errorf("%w: --json and --html are the same file", errUsage)
	}
	for _, name := range []string{jsonFile, htmlFile} {
		if name == "" || name == "-" {
			continue
		}
		f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if profile != "" {
		if err := os.MkdirAll(profile, 0o755); err != nil {
			return fmt.Errorf("profiles: %w", err)
		}
	}
	return nil
}

// commandLine is a call as one can paste it again.
func commandLine(program string, args []string) string {
	words := []string{program}
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"$\\*?;&|<>()`!#~") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
