package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A fillable is a file system that fails in some way while it is told to.
type fillable struct {
	fileSystem
	full   atomic.Bool // nothing can be written
	locked atomic.Bool // as full, but for good: mounted anew for reading only
	unsafe atomic.Bool // fsync fails
	only   string      // suffix of the names it concerns; empty = all
}

type fillableFile struct {
	vfs.File
	fs *fillable
}

func (f *fillable) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if !strings.HasSuffix(name, f.only) {
		return f.fileSystem.Create(name, c)
	}
	if f.full.Load() {
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	if f.locked.Load() {
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	}
	file, err := f.fileSystem.Create(name, c)
	if err != nil {
		return nil, err
	}
	return fillableFile{file, f}, nil
}

func (f fillableFile) Write(p []byte) (int, error) {
	if f.fs.full.Load() {
		n, _ := f.File.Write(p[:len(p)/2]) // as a real one does
		return n, syscall.ENOSPC
	}
	if f.fs.locked.Load() {
		return 0, syscall.EROFS
	}
	return f.File.Write(p)
}

func (f fillableFile) Sync() error {
	if f.fs.unsafe.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

func (f fillableFile) SyncData() error {
	if f.fs.unsafe.Load() {
		return syscall.EIO
	}
	return f.File.SyncData()
}

func waitWritable(t *testing.T, s *Store, want bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); s.State().Writable != want; {
		if time.Now().After(end) {
			t.Fatalf("state stays %+v", s.State())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A disk that fails costs answers, nothing acknowledged, and no restart.
func TestDiskFailsAndRecovers(t *testing.T) {
	for name, fail := range map[string]func(*fillable, bool){
		"full":      func(f *fillable, on bool) { f.full.Store(on) },
		"sync":      func(f *fillable, on bool) { f.unsafe.Store(on) },
		"read-only": func(f *fillable, on bool) { f.locked.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines lineCounter
			fs := &fillable{fileSystem: vfs.NewMem()}
			s, err := Open("data", Options{Logger: lines.logger(), fs: fs})
			if err != nil {
				t.Fatal(err)
			}
			acknowledged := map[string]bool{}
			for round := range 2 {
				set(t, s, fmt.Sprint("before", round), "v")
				acknowledged[fmt.Sprint("before", round)] = true
				fail(fs, true)
				refused := commitMany(t, s, fmt.Sprint("round", round), acknowledged)
				if refused == 0 {
					t.Fatal("nothing was refused")
				}
				if st := s.State(); st.Writable || st.Reason == "" || len(st.Reason) > 60 {
					t.Errorf("%+v", st)
				}
				if _, err := s.Get(TableAuth, []byte("before0")); !errors.Is(err, ErrUnwritable) {
					t.Errorf("read of what may be on no disk: %v", err)
				}
				time.Sleep(time.Second + reviveEvery/2) // it tries, in vain
				fail(fs, false)
				waitWritable(t, s, true)
				if st := s.State(); st.Reason != "" || st.Reopened != uint64(round+1) {
					t.Errorf("%+v", st)
				}
				for k := range acknowledged {
					want(t, s, TableAuth, k, "v")
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if text := lines.String(); strings.Count(text, "level=ERROR") != 2 ||
				strings.Count(text, "can be written again") != 2 ||
				strings.Contains(text, "missing=1") {
				t.Errorf("log:\n%s", text)
			}
			s, err = Open("data", Options{Logger: lines.logger(), fs: fs})
			if err != nil || s.Report().Missing != 0 || s.Report().Unchecked {
				t.Fatalf("%v, %+v", err, s.Report())
			}
			for k := range acknowledged {
				want(t, s, TableAuth, k, "v")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// commitMany commits from several goroutines until each was refused, and notes
// what was acknowledged.
func commitMany(t *testing.T, s *Store, prefix string, acknowledged map[string]bool) int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	refused := 0
	for w := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				var b Batch
				key := fmt.Sprintf("%s-%d-%d", prefix, w, i)
				b.Set(TableAuth, []byte(key), []byte("v"))
				err := s.Commit(&b)
				mu.Lock()
				switch {
				case err == nil:
					acknowledged[key] = true
				case errors.Is(err, ErrUnwritable):
					refused++
				default:
					t.Errorf("commit: %v", err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return refused
}

// Where Pebble itself would panic or end the process: a new log, a table or a
// manifest that can't be made.
func TestDiskFailsUnderPebble(t *testing.T) {
	for _, only := range []string{".log", ".sst", "MANIFEST-000001"} {
		t.Run(only, func(t *testing.T) {
			t.Parallel()
			fs := &fillable{fileSystem: vfs.NewMem(), only: only}
			s, err := Open("data", Options{Logger: discard(), fs: fs})
			if err != nil {
				t.Fatal(err)
			}
			fs.full.Store(true)
			large := make([]byte, 100_000)
			failed, last := false, 0
			for i := 0; i < 200 && !failed; i++ { // memtables are flushed on the way
				var b Batch
				b.Set(TableTicks, []byte("t"), large)
				failed = s.CommitNoSync(&b) != nil
				b.Reset()
				b.Set(TableAuth, []byte("k"), fmt.Append(nil, i))
				if s.Commit(&b) == nil {
					last = i
				} else {
					failed = true
				}
			}
			if !failed {
				t.Skip("this file is not needed")
			}
			fs.full.Store(false)
			waitWritable(t, s, true)
			v, err := s.Get(TableAuth, []byte("k"))
			if n := 0; err == nil {
				if _, err := fmt.Sscan(string(v), &n); err != nil || n < last {
					t.Errorf("%d was acknowledged, %q is there", last, v)
				}
			}
			set(t, s, "after", "v")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Closing while the disk is full ends, and loses nothing acknowledged.
func TestCloseWhileFull(t *testing.T) {
	fs := &fillable{fileSystem: vfs.NewMem()}
	s, err := Open("data", Options{Logger: discard(), fs: fs})
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, "k", "v")
	fs.full.Store(true)
	commitMany(t, s, "full", map[string]bool{})
	_ = s.Close() // may report the disk's error
	if err := s.Commit(&Batch{ops: []op{{}}}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	fs.full.Store(false)
	if s, err = Open("data", Options{Logger: discard(), fs: fs}); err != nil {
		t.Fatal(err)
	}
	want(t, s, TableAuth, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
