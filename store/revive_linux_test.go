package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tinyDisk is a file system of 3 MiB. fill makes it full, and returns what to remove
// for room.
func tinyDisk(t *testing.T) (dir string, fill func() (filler string)) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skip("no tmpfs can be mounted here: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, func() string {
		f, err := os.Create(filepath.Join(dir, "filler"))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		f.Close()
		return f.Name()
	}
}

// TestOpenFullDisk holds that who starts on a full disk is told so, and has everything
// once there is room. Pebble would try to flush again and again.
func TestOpenFullDisk(t *testing.T) {
	dir, fill := tinyDisk(t)
	s := open(t, filepath.Join(dir, "data"))
	for i := range 100 {
		set(t, s, fmt.Sprint("k", i), "v")
	}
	filler := fill()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data", "data", "new"} {
		told := make(chan error, 1)
		go func() {
			s, err := Open(filepath.Join(dir, name), Options{})
			if err == nil {
				s.Close()
			}
			told <- err
		}()
		select {
		case err := <-told:
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some") {
				t.Fatalf("%s is opened with %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Open does not end")
		}
	}
	idle(t)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s = open(t, filepath.Join(dir, "data"))
	defer s.Close()
	for i := range 100 {
		want(t, s, TableAuth, fmt.Sprint("k", i), "v")
	}
}

// idle fails if this process is busy while there is nothing to do.
func idle(t *testing.T) {
	t.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	was := used()
	time.Sleep(500 * time.Millisecond)
	if d := used() - was; d > 100*time.Millisecond {
		t.Errorf("what failed goes on working: %v of CPU in half a second", d)
	}
}

// The same on a real file system that is really full.
func TestRealFullDisk(t *testing.T) {
	dir, fill := tinyDisk(t)
	s := open(t, filepath.Join(dir, "data"))
	set(t, s, "k", "v")
	filler := fill()
	var err error
	acknowledged := map[string]bool{"k": true}
	var b Batch
	for i := 0; err != ErrUnwritable && i < 100_000; i++ {
		key := fmt.Sprint("k", i)
		b.Reset()
		b.Set(TableAuth, []byte(key), []byte("v"))
		b.Set(TableTicks, []byte(key), make([]byte, 1000))
		if err = s.Commit(&b); err == nil {
			acknowledged[key] = true
		}
	}
	waitWritable(t, s, false)
	if st := s.State(); st.Reason != "no space left on device" {
		t.Errorf("%+v", st)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	waitWritable(t, s, true)
	for k := range acknowledged {
		want(t, s, TableAuth, k, "v")
	}
	set(t, s, "after", "v")
	t.Logf("%d commits before the disk was full", len(acknowledged))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
