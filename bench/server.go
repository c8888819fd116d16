package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"azira/client"
)

// A server is one that is measured: an azira serve or a peer, in a process and a
// directory of its own. It ends with stop, which leaves nothing behind.
type server struct {
	*process

	// Fixed after startServer.
	dir     string // database and log
	public  string // host:port; of what is in front, if there is something
	admin   string // host:port; only Azira has it
	dialect string

	front *process // does TLS for it; nil is nobody
}

// A serverKind says how to start one kind of server. Its first line is
//
//	azira ready: http(s)://ADDR admin http://ADDR …     or
//	ready ADDR DIALECT
type serverKind struct {
	path  string
	args  func(dir string) []string
	cores cores
	procs int

	environ []string // beside this program's own
}

// aziraKind is azira serve on a feed, with more flags if there are any.
func aziraKind(executable, endpoint string, more ...string) serverKind {
	return serverKind{path: executable, args: func(dir string) []string {
		return append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
			"--feed", endpoint, "--data", filepath.Join(dir, "data"),
			"--streams-per-account", "0", "--drain-window", drainWindow.String()}, more...)
	}}
}

// startServer returns once the server takes connections. When the process ends
// before stop is called, ended is told.
func startServer(ctx context.Context, k serverKind, ended func(error)) (*server, error) {
	dir, err := os.MkdirTemp("", "azira-bench-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	s := &server{dir: dir}
	s.process, err = startProcess("server", launch{path: k.path, args: k.args(dir),
		log: filepath.Join(dir, "server.log"), cores: k.cores, procs: k.procs,
		environ: k.environ})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.awaitReady(ctx); err != nil {
		err = fmt.Errorf("%w%s", err, s.logTail())
		s.kill()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.watch(ended)
	return s, nil
}

// awaitReady waits for the line with the addresses.
func (s *server) awaitReady(ctx context.Context) error {
	select {
	case text := <-s.firstLine():
		if !s.parseReady(text) {
			return fmt.Errorf("%w: its first line is %q", errStart, text)
		}
		return nil
	case <-time.After(startTimeout):
		return fmt.Errorf("%w within %v", errStart, startTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *server) parseReady(text string) bool {
	words := strings.Fields(text)
	if len(words) == 3 && words[0] == "ready" {
		s.public, s.dialect = words[1], words[2]
		return s.dialect == dialectText || s.dialect == dialectNATS || s.dialect == dialectURL
	}
	for i := 1; i < len(words); i++ {
		_, addr, _ := strings.Cut(words[i], "://")
		switch words[i-1] {
		case "ready:":
			s.public, s.dialect = addr, dialectText
		case "admin":
			s.admin = addr
		}
	}
	return s.public != "" && s.admin != ""
}

// bearer registers an account and returns its credential; peers ask for none. The
// server may have TLS, by the certificate that is trusted.
func (s *server) bearer(ctx context.Context, trust string) (string, error) {
	if s.admin == "" {
		return "", nil
	}
	scheme := "http://"
	if trust != "" {
		scheme = "https://"
	}
	auth, err := client.NewAuth(scheme + s.public)
	if err != nil {
		return "", fmt.Errorf("register account: %w", err)
	}
	defer auth.Close()
	if trust != "" {
		pool, err := roots(trust)
		if err != nil {
			return "", err
		}
		auth.Trust(pool)
	}
	cred, err := auth.Register(ctx, "bench", rand.Text())
	if err != nil {
		return "", fmt.Errorf("register account: %w", err)
	}
	return cred.Bearer, nil
}

// usage is that of the server and of what is in front of it.
func (s *server) usage() (usage, error) {
	u, err := s.process.usage()
	if err != nil || s.front == nil {
		return u, err
	}
	more, err := s.front.usage()
	u.add(more)
	return u, err
}

// stop ends the server and removes its directory.
func (s *server) stop() error {
	err := s.terminate()
	if s.front != nil {
		err = errors.Join(err, s.front.terminate())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
