package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// keyWriters commit keys of their own and remember what was acknowledged.
type keyWriters struct {
	s    *Store
	stop chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	keys []string
}

func (k *keyWriters) acknowledged() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.keys)
}

func (k *keyWriters) write(t *testing.T, worker int) {
	value := make([]byte, 3000) // memtables are flushed on the way
	for i := 0; ; i++ {
		select {
		case <-k.stop:
			return
		default:
		}
		var b Batch
		key := fmt.Sprintf("%d-%d", worker, i)
		b.Set(TableAuth, []byte(key), value)
		if err := k.s.Commit(&b); err != nil {
			t.Error(err)
			return
		}
		k.mu.Lock()
		k.keys = append(k.keys, key)
		k.mu.Unlock()
	}
}

// TestCheckpointUnderWrites takes checkpoints while four writers commit, and restores
// each: every commit acknowledged before it began is there.
func TestCheckpointUnderWrites(t *testing.T) {
	s := open(t, t.TempDir())
	k := &keyWriters{s: s, stop: make(chan struct{})}
	for w := range 4 {
		k.wg.Go(func() { k.write(t, w) })
	}
	copies := t.TempDir()
	before := map[string][]string{}
	for i := range 5 {
		dir := filepath.Join(copies, fmt.Sprint(i))
		for len(before[dir]) < 100*(i+1) {
			time.Sleep(time.Millisecond)
			before[dir] = k.acknowledged()
		}
		c, err := s.Checkpoint(dir)
		if err != nil || c.Commits == 0 || c.Bytes() == 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	close(k.stop)
	k.wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for dir, keys := range before {
		checkRestored(t, dir, keys)
	}
	if left, err := filepath.Glob(filepath.Join(copies, "*.part")); err != nil || left != nil {
		t.Errorf("left: %q %v", left, err)
	}
}

// checkRestored restores a checkpoint and looks for keys.
func checkRestored(t *testing.T, dir string, keys []string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "a", "data")
	r, err := Restore(dir, to, Options{Logger: discard()})
	if err != nil || r.Missing != 0 || r.Unchecked {
		t.Fatalf("%+v, %v", r, err)
	}
	c := open(t, to)
	defer c.Close()
	for _, k := range keys {
		if _, err := c.Get(TableAuth, []byte(k)); err != nil {
			t.Fatalf("%s was acknowledged before %s: %v", k, dir, err)
		}
	}
}

// TestRestoreRefuses holds that what is no whole checkpoint, or would be written over, is
// told in one line and leaves nothing behind.
func TestRestoreRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	set(t, s, "k", "v")
	good := filepath.Join(t.TempDir(), "good")
	if _, err := s.Checkpoint(good); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		spoil func(dir string)
		to    string
		is    error
		says  string
	}{
		"foreign": {func(dir string) { remove(t, dir, "checkpoint") }, "", ErrForeign, "azira backup"},
		"missing": {func(dir string) { remove(t, dir, "*.log") }, "", ErrTorn, "is missing"},
		"short":   {func(dir string) { cut(t, dir, "*.log") }, "", ErrTorn, "is damaged"},
		"bit": {func(dir string) { flip(t, files(t, dir, "MANIFEST-*")[0], 77) }, "", ErrTorn,
			"checksum wrong"},
		"list":     {func(dir string) { cut(t, dir, "checkpoint") }, "", ErrTorn, "list of files"},
		"newer":    {func(dir string) { edit(t, dir, `"schema": 1`, `"schema": 9`) }, "", ErrSchema, "newer"},
		"outside":  {func(dir string) { edit(t, dir, `"db/MANIFEST`, `"db/../MANIFEST`) }, "", ErrTorn, "list"},
		"nothing":  {func(dir string) { _ = os.RemoveAll(dir) }, "", ErrForeign, "no file checkpoint"},
		"occupied": {func(string) {}, full, ErrExists, "not empty"},
		"a file":   {func(string) {}, filepath.Join(full, "x"), ErrExists, "is a file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, to := copyDir(t, good), tc.to
			tc.spoil(dir)
			if to == "" {
				to = filepath.Join(t.TempDir(), "data")
			}
			_, err := Restore(dir, to, Options{Logger: discard()})
			wantLine(t, err, tc.is, tc.says)
			for _, at := range []string{to, to + ".part"} {
				if _, err := os.Stat(at); err == nil && tc.to == "" {
					t.Errorf("%s is there", at)
				}
			}
		})
	}
	empty := t.TempDir() // may be taken
	if _, err := Restore(good, empty, Options{Logger: discard()}); err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, dir, pattern string) {
	t.Helper()
	for _, name := range files(t, dir, pattern) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func cut(t *testing.T, dir, pattern string) {
	t.Helper()
	name := files(t, dir, pattern)[0]
	i, err := os.Stat(name)
	if err == nil {
		err = os.Truncate(name, i.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, dir, from, to string) {
	t.Helper()
	name := filepath.Join(dir, "checkpoint")
	p, err := os.ReadFile(name)
	if err == nil && !strings.Contains(string(p), from) {
		err = errors.New(from + " is not there")
	}
	if err == nil {
		err = os.WriteFile(name, []byte(strings.Replace(string(p), from, to, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCheckpointSurvivesPowerCut holds that a checkpoint which was said to be made is
// there when all that was not synced is gone.
func TestCheckpointSurvivesPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s, err := Open("data", Options{Logger: discard(), fs: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	large := strings.Repeat("v", 100_000)
	for i := range 30 {
		set(t, s, fmt.Sprint("k", i), large)
	}
	if _, err := s.Checkpoint("copies/one"); err != nil {
		t.Fatal(err)
	}
	cut := fs.CrashClone(vfs.CrashCloneCfg{RNG: rand.New(rand.NewPCG(1, 1))})
	o := Options{Logger: discard(), fs: cut}
	if _, err := Restore("copies/one", "new", o); err != nil {
		t.Fatal(err)
	}
	c, err := Open("new", o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want(t, c, TableAuth, "k29", large)
}

// A smallDisk has little space left.
type smallDisk struct{ fileSystem }

func (smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: checkpointSpare}, nil
}

// TestCheckpointNeedsSpace holds that a checkpoint does not fill the disk.
func TestCheckpointNeedsSpace(t *testing.T) {
	s, err := Open("data", Options{Logger: discard(), fs: smallDisk{vfs.NewMem()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	set(t, s, "k", "v")
	_, err = s.Checkpoint("copy")
	wantLine(t, err, ErrNoSpace, "are needed")
	for _, name := range []string{"copy", "copy.part"} {
		if _, err := s.fs.Stat(name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	set(t, s, "k", "still writable")
}

// TestCheckpointWhileDiskFails holds that it ends when the disk fails under it.
func TestCheckpointWhileDiskFails(t *testing.T) {
	fs := &fillable{fileSystem: vfs.NewMem()}
	s, err := Open("data", Options{Logger: discard(), fs: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	set(t, s, "k", "v")
	fs.full.Store(true)
	if _, err := s.Checkpoint("copy"); err == nil {
		t.Error("made on a full disk")
	}
	fs.full.Store(false)
	waitWritable(t, s, true)
	if _, err := s.Checkpoint("copy"); err != nil {
		t.Error(err)
	}
	want(t, s, TableAuth, "k", "v")
}

// FuzzParseCheckpoint holds that a list names nothing beyond its checkpoint.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add([]byte(`{"azira_checkpoint":1,"schema":1,"files":{"acknowledged":{},"db/1.log":{"bytes":3}}}`))
	f.Add([]byte(`{"azira_checkpoint":1,"files":{"acknowledged":{},"db/../../x":{}}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := ParseCheckpoint(p)
		if err != nil {
			return
		}
		for name := range c.Files {
			if !filepath.IsLocal(name) || name != ackName && filepath.Dir(name) != dbName {
				t.Errorf("%q", name)
			}
		}
	})
}
