package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A lineCounter is a log that can be read back.
type lineCounter struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lineCounter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lineCounter) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lineCounter) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// copyDir copies a directory, a live one too, as a killed process would leave
// it.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		// A file was deleted in the background: once more.
	}
}

// files of dir whose names match one of the patterns.
func files(t *testing.T, dir string, patterns ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		for _, x := range patterns {
			if ok, _ := filepath.Match(x, filepath.Base(p)); ok && !d.IsDir() {
				found = append(found, p)
			}
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no %v in %s: %v", patterns, dir, err)
	}
	return found
}

func flip(t *testing.T, name string, bit int) {
	t.Helper()
	p, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
}

const damagedKeys = 200

// killed makes a database with keys k0 … in commits of their own, as a killed
// process would leave it. Flushed puts them into sorted tables first.
func killed(t *testing.T, flushed bool) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range damagedKeys {
		set(t, s, fmt.Sprintf("k%d", i), strings.Repeat("v", 100))
	}
	if flushed {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	to := copyDir(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

// outcome opens dir and checks that what Open says is true: all is there, or
// exactly so many commits are missing, or it refuses in one line.
func outcome(t *testing.T, dir, what string) string {
	t.Helper()
	var lines lineCounter
	s, err := Open(dir, Options{Logger: lines.logger()})
	if err != nil {
		if !errors.Is(err, ErrDamaged) || strings.ContainsAny(err.Error(), "\n\r") ||
			!strings.Contains(err.Error(), "restore a copy") ||
			strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%s: %v", what, err)
		}
		return "refused"
	}
	defer s.Close()
	if _, err := os.Stat(filepath.Join(dir, foundName)); err == nil {
		t.Errorf("%s: links are left", what)
	}
	found := 0
	for i := range damagedKeys {
		v, err := s.Get(TableAuth, fmt.Appendf(nil, "k%d", i))
		if err == nil && string(v) == strings.Repeat("v", 100) {
			found++
		} else if err == nil || !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: k%d = %q, %v", what, i, v, err)
		}
	}
	r := s.Report()
	if r.Unchecked || int(r.Missing) < damagedKeys-found {
		t.Errorf("%s: %d of %d found, report %+v", what, found, damagedKeys, r)
	}
	if said := strings.Contains(lines.String(), "are missing"); said != (r.Missing > 0) {
		t.Errorf("%s: %+v, logged %q", what, r, lines.String())
	}
	if r.Missing > 0 {
		return "told"
	}
	return "whole"
}

func TestBitFlips(t *testing.T) {
	for _, c := range []struct {
		name    string
		flushed bool
		pattern string
		flips   int
	}{
		{"log", false, "*.log", 60},
		{"table", true, "*.sst", 30},
		{"manifest", true, "MANIFEST-*", 40},
		{"options", true, "OPTIONS-*", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := killed(t, c.flushed)
			rng := rand.New(rand.NewPCG(1, 2))
			count := map[string]int{}
			for range c.flips {
				d := copyDir(t, dir)
				list := files(t, d, c.pattern)
				name := list[rng.IntN(len(list))]
				i, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				if i.Size() == 0 {
					count["empty file"]++
					continue
				}
				bit := rng.IntN(int(i.Size()) * 8)
				flip(t, name, bit)
				what := fmt.Sprintf("%s bit %d", filepath.Base(name), bit)
				count[outcome(t, d, what)]++
			}
			t.Log(count)
		})
	}
}

// What was lost to a flipped bit is still there for whoever flips it back.
func TestFilesAsFoundAreKept(t *testing.T) {
	dir := copyDir(t, killed(t, false))
	name := files(t, dir, "*.log")[0]
	i, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	bit := int(i.Size()) * 4
	flip(t, name, bit)
	if got := outcome(t, dir, "flipped"); got != "told" {
		t.Fatal(got)
	}
	for range 2 { // later opens leave them alone
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
	}
	lost := files(t, dir, "lost-*", filepath.Base(name))
	saved := filepath.Join(t.TempDir(), "saved")
	if err := os.CopyFS(filepath.Join(saved, dbName), os.DirFS(filepath.Dir(lost[0]))); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(saved, dbName, filepath.Base(name)), bit)
	s := open(t, saved)
	defer s.Close()
	for i := range damagedKeys {
		want(t, s, TableAuth, fmt.Sprintf("k%d", i), strings.Repeat("v", 100))
	}
}

// Damage that comes while the database is open is an error of the call that
// meets it, and a line in the log; the process goes on.
func TestDamageWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	rng := rand.NewChaCha8([32]byte{})
	for i := range 80 { // several times the cache
		value := make([]byte, 50_000)
		rng.Read(value)
		set(t, s, fmt.Sprintf("k%02d", i), string(value))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var lines lineCounter
	s, err := Open(dir, Options{Logger: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range files(t, filepath.Join(dir, dbName), "*.sst") {
		p, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(p); i += 1000 {
			p[i] ^= 1
		}
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Scan(TableAuth, nil, func(_, _ []byte) error { return nil })
	if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n") {
		t.Errorf("scan: %v", err)
	}
	if _, err := s.Get(TableAuth, []byte("k00")); !errors.Is(err, ErrDamaged) {
		t.Errorf("get: %v", err)
	}
	if !strings.Contains(lines.String(), "damaged file") {
		t.Errorf("logged %q", lines.String())
	}
	set(t, s, "new", "value")
	want(t, s, TableAuth, "new", "value")
}

// Files that are gone, cut short or emptied.
func TestLostFiles(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		dir := killed(t, flushed)
		for _, pattern := range []string{
			"MANIFEST-*", "*.log", "marker.manifest*", "marker.format*",
		} {
			for _, harm := range []string{"remove", "empty", "halve"} {
				d := copyDir(t, dir)
				for _, name := range files(t, d, pattern) {
					i, err := os.Stat(name)
					if err == nil && harm == "remove" {
						err = os.Remove(name)
					} else if err == nil && harm == "empty" {
						err = os.Truncate(name, 0)
					} else if err == nil {
						err = os.Truncate(name, i.Size()/2)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				what := fmt.Sprintf("%s %s, flushed %v", harm, pattern, flushed)
				t.Log(what, outcome(t, d, what))
			}
		}
	}
	d := copyDir(t, killed(t, true))
	if err := os.RemoveAll(filepath.Join(d, dbName)); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, d, "whole database removed"); got != "told" {
		t.Errorf("whole database removed: %s", got)
	}
	if got := open(t, d); got.Report().Missing != 0 || got.Close() != nil {
		t.Errorf("told twice: %+v", got.Report())
	}
}

// What Pebble noted of its options is not needed to start.
func TestOptionsDamaged(t *testing.T) {
	dir := killed(t, true)
	for what, text := range map[string]string{
		"zeroed": strings.Repeat("\x00", 1000), "emptied": "", "garbage": "[Options\n=\xff",
		"another's": "[Options]\n  comparer=theirs\n",
	} {
		d := copyDir(t, dir)
		for _, name := range files(t, d, "OPTIONS-*") {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := outcome(t, d, what); got != "whole" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestSideFileLost(t *testing.T) {
	for name, harm := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": func(p string) error { return os.Truncate(p, 0) },
		"garbage": func(p string) error { return os.WriteFile(p, make([]byte, 9999), 0o600) },
	} {
		dir := t.TempDir()
		s := open(t, dir)
		set(t, s, "k", "v")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := harm(filepath.Join(dir, ackName)); err != nil {
			t.Fatal(err)
		}
		for i, report := range []OpenReport{
			{Commits: 2, Unchecked: true}, {Commits: 2, Acknowledged: 2},
		} {
			s = open(t, dir)
			if r := s.Report(); r != report {
				t.Errorf("%s, open %d: %+v", name, i, r)
			}
			want(t, s, TableAuth, "k", "v")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// One torn slot leaves the other.
func TestSideFileTorn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for range 5 {
		set(t, s, "k", "v")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, ackName)
	for bit := range ackSlotBytes * 8 {
		for _, slot := range []int{0, ackSlotOffset} {
			flip(t, name, slot*8+bit)
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			a := ackFile{f: f}
			if ok := a.load(); !ok || a.last < 5 || a.last > 6 {
				t.Fatalf("bit %d of slot at %d: %d, %v", bit, slot, a.last, ok)
			}
			_ = f.Close()
			flip(t, name, slot*8+bit)
		}
	}
}

func FuzzAck(f *testing.F) {
	f.Add(appendAck(nil, 0))
	f.Add(appendAck(nil, 1<<63))
	f.Add([]byte(ackMagic))
	f.Fuzz(func(t *testing.T, p []byte) {
		n, ok := parseAck(p)
		if ok && !bytes.Equal(appendAck(nil, n), p[:ackSlotBytes]) {
			t.Fatalf("%x is %d", p, n)
		}
	})
}
