package store

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The same on a real file system that is really full.
func TestRealFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skip("no tmpfs can be mounted here: ", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	s := open(t, filepath.Join(dir, "data"))
	set(t, s, "k", "v")
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
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
