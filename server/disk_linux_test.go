package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"azira/store"
)

// A full disk: calls that need it are refused for as long, everything else
// goes on, and all is well by itself when there is space again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skip("no tmpfs can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := start(t, func(c *Config) { c.Data = filepath.Join(dir, "data") })
	bearer := s.account("ana")
	stream, _, err := s.dial("/api/v1/stream", bearer)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.CloseNow()

	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	message := map[string]string{"username": "ana", "content": strings.Repeat("m", 8<<10)}
	eventually(t, "messages are refused", func() bool {
		return s.call("POST", "/api/v1/messages", message, as(bearer)...).StatusCode == 503
	})
	for range 3 {
		r := s.call("POST", "/api/v1/users/register", credentials("bob", goodPassword))
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" ||
			r.text("detail") != "The database cannot be written now" {
			t.Errorf("register: %d %s", r.StatusCode, r.body)
		}
	}
	r := s.adminCall("/readyz")
	if r.StatusCode != 503 || !strings.Contains(string(r.body), "no space left") {
		t.Errorf("readyz: %d %s", r.StatusCode, r.body)
	}
	if r := s.adminCall("/livez"); r.StatusCode != 200 {
		t.Errorf("livez: %d %s", r.StatusCode, r.body)
	}
	if r := s.adminCall("/metrics"); !strings.Contains(string(r.body), "azira_store_writable 0") {
		t.Error("azira_store_writable is not 0")
	}
	if r := s.call("GET", "/api/v1/tokens", nil, as(bearer)...); r.StatusCode != 200 {
		t.Errorf("a bearer known before: %d %s", r.StatusCode, r.body)
	}
	if got := say(t, stream, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the stream says %q", got)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready again", func() bool { return s.adminCall("/readyz").StatusCode == 200 })
	if r := s.adminCall("/metrics"); !strings.Contains(string(r.body), "azira_store_writable 1") {
		t.Error("azira_store_writable is not 1")
	}
	s.login("ana")
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines of errors:\n%s", n, s.log.String())
	}
}

// TestReadOnlyDisk has a directory that can't be written any more: the server says so in
// one line instead of starting, and has everything when it can be written again. That a
// running one serves on is the store's TestDiskFailsAndRecovers.
func TestReadOnlyDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skip("no tmpfs can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := start(t, func(c *Config) { c.Data = filepath.Join(dir, "data") })
	s.account("ana")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	c := s.config
	c.Logger = testLogger(s.log)
	err := Run(t.Context(), c, nil)
	if !errors.Is(err, store.ErrNotWritable) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	remount(0)
	s = startConfig(t, s.config)
	s.login("ana")
}

// fill leaves no byte free.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
}
