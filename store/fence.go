package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

var errFenced = errors.New("store: files belong to a newer opening of the database")

// A fence stands between one opening of the database and its files. It is
// there since Pebble cannot go on after a failed write, and in places panics
// or ends the process for it.
//
//	opening   errors go to Pebble, which gives the opening up in order, or fails it
//	serving   an error of a write goes to failed; the goroutine that met it stays
//	          in the call for ever, so that Pebble never hears of it
//	down      nothing is changed any more, as the files are another opening's; whoever
//	          tries to stays in the call, too: Pebble would try again at once, for ever
//
// What stays behind is a few goroutines and the memtables, some megabytes for
// each failure of the disk.
type fence struct {
	fileSystem
	dir    string      // whose files are guarded
	failed func(error) // takes the first error and any later one

	serving atomic.Bool
	met     atomic.Pointer[error] // the first error of a change while opening

	mu    sync.RWMutex // held for reading by each change under way
	down  bool
	filed sync.Mutex
	files map[*fencedFile]struct{} // open ones
}

func newFence(inner fileSystem, dir string, failed func(error)) *fence {
	return &fence{
		fileSystem: inner, dir: dir, failed: failed, files: make(map[*fencedFile]struct{}),
	}
}

// raise returns when no change is under way; none comes after.
func (f *fence) raise() {
	f.mu.Lock()
	f.down = true
	f.mu.Unlock()
}

// closeFiles takes the descriptors back that Pebble still has.
func (f *fence) closeFiles() {
	f.filed.Lock()
	var list []*fencedFile
	for x := range f.files {
		list = append(list, x)
	}
	f.filed.Unlock()
	for _, x := range list {
		_ = x.shut() // its writes are over
	}
}

// change makes one change to the files, or never returns.
func (f *fence) change(do func() error) error {
	f.mu.RLock()
	err := errFenced
	if !f.down {
		err = do()
	}
	f.mu.RUnlock()
	if err != nil {
		f.met.CompareAndSwap(nil, &err)
	}
	if err == errFenced || err != nil && f.serving.Load() {
		f.failed(err)
		select {}
	}
	return err
}

// guards says whether a file is one of the database's. A checkpoint, which may
// lie on another disk, is none of its business.
func (f *fence) guards(name string) bool { return f.PathDir(name) == f.dir }

func (f *fence) open(name string, do func() (file, error)) (file, error) {
	if !f.guards(name) {
		return do()
	}
	var got file
	err := f.change(func() (err error) {
		got, err = do()
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.keep(got), nil
}

func (f *fence) keep(inner file) *fencedFile {
	x := &fencedFile{file: inner, fence: f}
	f.filed.Lock()
	f.files[x] = struct{}{}
	f.filed.Unlock()
	return x
}

func (f *fence) Create(name string, c writeCategory) (file, error) {
	return f.open(name, func() (file, error) { return f.fileSystem.Create(name, c) })
}

func (f *fence) OpenReadWrite(name string, c writeCategory, o ...openOption) (file, error) {
	return f.open(name, func() (file, error) { return f.fileSystem.OpenReadWrite(name, c, o...) })
}

func (f *fence) ReuseForWrite(from, to string, c writeCategory) (file, error) {
	return f.open(to, func() (file, error) { return f.fileSystem.ReuseForWrite(from, to, c) })
}

// Open opens for reading, which is no change: its errors are Pebble's.
func (f *fence) Open(name string, o ...openOption) (file, error) {
	got, err := f.fileSystem.Open(name, o...)
	if err != nil || !f.guards(name) {
		return got, err
	}
	return f.keep(got), nil
}

func (f *fence) OpenDir(name string) (file, error) {
	got, err := f.fileSystem.OpenDir(name)
	if err != nil || name != f.dir {
		return got, err
	}
	return f.keep(got), nil
}

func (f *fence) Rename(from, to string) error {
	if !f.guards(to) {
		return f.fileSystem.Rename(from, to)
	}
	return f.change(func() error { return f.fileSystem.Rename(from, to) })
}

// Remove reports its error: Pebble tidies up later.
func (f *fence) Remove(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.down && f.guards(name) {
		return errFenced
	}
	return f.fileSystem.Remove(name)
}

// Lock is nothing: the Store holds the directory through all openings.
func (f *fence) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (f *fence) Unwrap() fileSystem { return f.fileSystem }

// A fencedFile is one file behind a fence.
type fencedFile struct {
	file
	fence  *fence
	closed atomic.Bool
}

func (x *fencedFile) Write(p []byte) (n int, err error) {
	err = x.fence.change(func() (err error) {
		n, err = x.file.Write(p)
		return err
	})
	return n, err
}

func (x *fencedFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = x.fence.change(func() (err error) {
		n, err = x.file.WriteAt(p, at)
		return err
	})
	return n, err
}

func (x *fencedFile) Sync() error     { return x.fence.change(x.file.Sync) }
func (x *fencedFile) SyncData() error { return x.fence.change(x.file.SyncData) }

func (x *fencedFile) SyncTo(n int64) (full bool, err error) {
	err = x.fence.change(func() (err error) {
		full, err = x.file.SyncTo(n)
		return err
	})
	return full, err
}

// Fd is no descriptor once the fence is up: the number may be another file's by then.
func (x *fencedFile) Fd() uintptr {
	x.fence.mu.RLock()
	defer x.fence.mu.RUnlock()
	if x.fence.down {
		return invalidFd
	}
	return x.file.Fd()
}

// Preallocate reports its error: Pebble does without.
func (x *fencedFile) Preallocate(at, n int64) error {
	x.fence.mu.RLock()
	defer x.fence.mu.RUnlock()
	if x.fence.down {
		return errFenced
	}
	return x.file.Preallocate(at, n)
}

// Close closes the file once; closeFiles may have been before.
func (x *fencedFile) Close() error {
	return x.fence.change(func() error {
		if err := x.shut(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
		return nil
	})
}

func (x *fencedFile) shut() error {
	if !x.closed.CompareAndSwap(false, true) {
		return fs.ErrClosed
	}
	x.fence.filed.Lock()
	delete(x.fence.files, x)
	x.fence.filed.Unlock()
	return x.file.Close()
}
