package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func set(t *testing.T, s *Store, key, value string) {
	t.Helper()
	var b Batch
	b.Set(TableAuth, []byte(key), []byte(value))
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

func TestSetGetDeleteReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	if r := s.Report(); !r.Created || r.Missing != 0 {
		t.Fatalf("new: %+v", r)
	}
	set(t, s, "k", "one")
	set(t, s, "gone", "x")
	var b Batch
	b.Set(TableAccounts, []byte("k"), []byte("two"))
	b.Delete(TableAuth, []byte("gone"))
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	b.Set(TableTicks, []byte("NSE:1"), []byte("{}"))
	if err := s.CommitNoSync(&b); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		want(t, s, TableAuth, "k", "one")
		want(t, s, TableAccounts, "k", "two")
		want(t, s, TableTicks, "NSE:1", "{}")
		if _, err := s.Get(TableAuth, []byte("gone")); !errors.Is(err, ErrNotFound) {
			t.Fatalf("deleted: %v", err)
		}
		if i == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
		}
	}
	if r := s.Report(); r != (OpenReport{Commits: 4, Acknowledged: 4}) {
		t.Fatalf("reopened: %+v", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(&b); !errors.Is(err, ErrClosed) {
		t.Fatalf("commit after close: %v", err)
	}
	if _, err := s.Get(TableAuth, []byte("k")); !errors.Is(err, ErrClosed) {
		t.Fatalf("get after close: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrClosed) {
		t.Fatalf("second close: %v", err)
	}
}

func want(t *testing.T, s *Store, table Table, key, value string) {
	t.Helper()
	v, err := s.Get(table, []byte(key))
	if err != nil || string(v) != value {
		t.Fatalf("%c/%s = %q, %v; want %q", table, key, v, err, value)
	}
}

func TestScan(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	var b Batch
	for _, k := range []string{"a", "ab1", "ab2", "ab\xff", "ac"} {
		b.Set(TableInbox, []byte(k), []byte("v"+k))
	}
	b.Set(TableInbox+1, []byte("ab3"), []byte("other table"))
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
	scan := func(prefix, from string, stop int) string {
		var got []string
		err := s.ScanFrom(TableInbox, []byte(prefix), []byte(from), func(k, v []byte) error {
			if !bytes.Equal(v[1:], k) {
				t.Errorf("%q has %q", k, v)
			}
			if got = append(got, string(k)); len(got) == stop {
				return ErrStop
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, " ")
	}
	for _, c := range []struct {
		prefix, from string
		stop         int
		want         string
	}{
		{"", "", 0, "a ab1 ab2 ab\xff ac"},
		{"ab", "ab", 0, "ab1 ab2 ab\xff"},
		{"ab", "ab2", 0, "ab2 ab\xff"},
		{"ab", "ab", 1, "ab1"},
		{"x", "x", 0, ""},
	} {
		if got := scan(c.prefix, c.from, c.stop); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	boom := errors.New("boom")
	err := s.Scan(TableInbox, nil, func(_, _ []byte) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("error of f: %v", err)
	}
}

func TestCommitLimits(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	var b Batch
	if err := s.Commit(&b); err != nil {
		t.Errorf("empty: %v", err)
	}
	b.Set(TableAuth, make([]byte, keyBytesMax+1), nil)
	if err := s.Commit(&b); !errors.Is(err, ErrTooLarge) {
		t.Errorf("long key: %v", err)
	}
	b.Reset()
	b.Set(TableAuth, []byte("k"), make([]byte, batchBytesMax))
	if err := s.CommitNoSync(&b); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large batch: %v", err)
	}
	b.Reset()
	large := bytes.Repeat([]byte("x"), memTableBytes+memTableBytes/2)
	b.Set(TableAuth, []byte("k"), large)
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(TableAuth, []byte("k")); err != nil || !bytes.Equal(v, large) {
		t.Fatalf("large value: %d bytes, %v", len(v), err)
	}
}

// Many goroutines at once: numbers stay dense, nothing is lost.
func TestConcurrentCommits(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const workers, each = 16, 50
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				var b Batch
				key := fmt.Appendf(nil, "%d/%d", w, i)
				b.Set(TableAuth, key, key)
				if err := s.Commit(&b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	const commits = workers*each + 1 // and the schema record
	if r := s.Report(); r != (OpenReport{Commits: commits, Acknowledged: commits}) {
		t.Fatalf("%+v", r)
	}
	n := 0
	if err := s.Scan(TableAuth, nil, func(_, _ []byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != workers*each {
		t.Fatalf("%d records", n)
	}
}

func TestCheckpoint(t *testing.T) {
	s := open(t, t.TempDir())
	set(t, s, "k", "before")
	dir := filepath.Join(t.TempDir(), "copy")
	if _, err := s.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	set(t, s, "k", "after")
	if _, err := s.Checkpoint(dir); !errors.Is(err, ErrExists) {
		t.Fatalf("onto an existing one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir)
	defer c.Close()
	want(t, c, TableAuth, "k", "before")
	if r := c.Report(); r != (OpenReport{Commits: 2, Acknowledged: 2}) {
		t.Fatalf("%+v", r)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var b Batch
	newer := binary.BigEndian.AppendUint32(nil, schemaVersion+1)
	b.Set(tableMeta, keySchema[1:], newer)
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the refusal releases the directory
		_, err := Open(dir, Options{Logger: discard()})
		wantLine(t, err, ErrSchema, "use the newer program")
	}
}

func wantLine(t *testing.T, err, is error, says string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), says) ||
		strings.ContainsAny(err.Error(), "\n\r") {
		t.Fatalf("got %v; want %v saying %q on one line", err, is, says)
	}
}

func TestUnusableDirectories(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(file, Options{Logger: discard()})
	wantLine(t, err, ErrNotDirectory, "is a file")
	_, err = Open(filepath.Join(file, "sub"), Options{Logger: discard()})
	wantLine(t, err, ErrNotDirectory, "give another directory")
	_, err = Open("", Options{Logger: discard()})
	wantLine(t, err, ErrNotDirectory, "no directory")
	_, err = Open(filepath.Join(dir, strings.Repeat("x", 300)), Options{Logger: discard()})
	wantLine(t, err, ErrNotCreated, "give another directory")

	s := open(t, filepath.Join(dir, "held"))
	defer s.Close()
	_, err = Open(filepath.Join(dir, "held"), Options{Logger: discard()})
	wantLine(t, err, ErrLocked, "stop that one")
	set(t, s, "still", "works")
	want(t, s, TableAuth, "still", "works")
}
