package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"azira/feed"
)

// wsScript is the server, in the directory of its package.json.
const wsScript = "server.js"

func missingWS() error {
	if _, err := exec.LookPath("node"); err != nil {
		return errNode
	}
	_, err := findWS("")
	return err
}

// findWS returns the directory of the script: as told, or where it lies as seen
// from the project's root, this package, or bin.
func findWS(told string) (string, error) {
	dirs := []string{filepath.Join("bench", "peers", "ws"), "ws"}
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Join(filepath.Dir(self), "..", "bench", "peers", "ws"))
	}
	if told != "" {
		dirs = []string{told}
	}
	for _, dir := range dirs {
		_, script := os.Stat(filepath.Join(dir, wsScript))
		_, module := os.Stat(filepath.Join(dir, "node_modules", "ws", "package.json"))
		if script == nil && module == nil {
			return dir, nil
		}
	}
	return "", errModules
}

// runWS turns this process into Node, so that what is measured is Node alone. The
// script prints the ready line and ends on SIGTERM.
func runWS(_ context.Context, o options, _ func(string)) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return errNode
	}
	dir, err := findWS(o.WSDir)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("%w: %w", errListen, err)
	}
	network, addr, err := feed.ParseEndpoint(o.Feed)
	if err != nil {
		return err
	}
	if network != "tcp" {
		return fmt.Errorf("%w: %s", errFeedTCP, o.Feed)
	}
	feedHost, feedPort, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%w: %w", errFeedTCP, err)
	}
	args := []string{"node", "--expose-gc", filepath.Join(dir, wsScript),
		host, port, feedHost, feedPort}
	return fmt.Errorf("become node: %w", syscall.Exec(node, args, os.Environ()))
}
