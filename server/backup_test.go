package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"azira/store"
)

// checkpoint asks for one on the admin port.
func (s *running) checkpoint(query string, headers ...string) reply {
	s.t.Helper()
	return s.callAt("http://"+s.addrs.Admin, "POST", "/checkpoint"+query, nil, headers...)
}

// TestBackupAndRestore takes a checkpoint while accounts are made, and starts another
// server with it: accounts, bearers and passwords of before are good there.
func TestBackupAndRestore(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	stop := make(chan struct{})
	var registering sync.WaitGroup
	registering.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.call("POST", "/api/v1/users/register", credentials(fmt.Sprint("u", i), goodPassword))
			}
		}
	})
	r := s.checkpoint("?name=monday")
	close(stop)
	registering.Wait()
	dir := r.text("dir")
	if r.StatusCode != 201 || filepath.Base(dir) != "monday" || r.at("bytes").(float64) <= 0 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	if _, err := store.Restore(dir, data, store.Options{Logger: testLogger(&syncBuffer{})}); err != nil {
		t.Fatal(err)
	}
	s = start(t, func(c *Config) { c.Data = data })
	if r := s.call("GET", "/api/v1/sessions", nil, as(bearer)...); r.StatusCode != 200 {
		t.Errorf("a bearer of before: %d %s", r.StatusCode, r.body)
	}
	s.login("ann")
}

// TestBackupRefuses holds who may, and what may be asked for.
func TestBackupRefuses(t *testing.T) {
	const token = "0123456789abcdef"
	dir := filepath.Join(t.TempDir(), "copies")
	s := start(t, func(c *Config) { c.AdminToken, c.BackupDir = token, dir })
	good := as(token)
	for _, tc := range []struct {
		query   string
		headers []string
		status  int
	}{
		{"?name=a", nil, 401},
		{"?name=a", append(as(token), "Origin", "https://evil.example"), 403},
		{"?name=a", append(as(token), "Sec-Fetch-Site", "cross-site"), 403},
		{"?name=..", good, 422},
		{"?name=.x", good, 422},
		{"?name=a/b", good, 422},
		{"?name=a%00", good, 422},
		{"?name=a.part", good, 422},
		{"?name=" + strings.Repeat("a", backupNameMax+1), good, 422},
		{"?name=a", good, 201},
		{"?name=a", good, 409},
		{"", good, 201},
	} {
		if r := s.checkpoint(tc.query, tc.headers...); r.StatusCode != tc.status {
			t.Errorf("%s %q: %d %s", tc.query, tc.headers, r.StatusCode, r.body)
		}
	}
	if r := s.callAt("http://"+s.addrs.Admin, "GET", "/checkpoint", nil, good...); r.StatusCode != 405 {
		t.Errorf("GET: %d", r.StatusCode)
	}
	if r := s.call("POST", "/checkpoint", nil); r.StatusCode != 404 {
		t.Errorf("on the public port: %d", r.StatusCode)
	}
	for i := range backupsMax {
		_ = os.Mkdir(filepath.Join(dir, fmt.Sprint("old", i)), 0o700)
	}
	if r := s.checkpoint("?name=b", good...); r.StatusCode != 507 ||
		!strings.Contains(r.text("detail"), "move some away") {
		t.Errorf("too many: %d %s", r.StatusCode, r.body)
	}
}
