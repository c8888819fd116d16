package store

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// childDir names the directory of the child of TestKill.
const childDir = "AZIRA_TEST_STORE_DIR"

// quietDir names that of the child of TestKillQuiet.
const quietDir = "AZIRA_TEST_STORE_QUIET"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	if dir := os.Getenv(quietDir); dir != "" {
		quietChild(dir)
		return
	}
	os.Exit(m.Run())
}

// child commits and prints each key when it is acknowledged, until killed.
func child(dir string) {
	s, err := Open(dir, Options{Logger: discard()})
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			value := make([]byte, 500) // so that memtables are flushed within a round
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				var b Batch
				b.Set(TableAuth, []byte(key), value)
				err := s.Commit(&b)
				b.Set(TableTicks, []byte(key), value)
				if e := s.CommitNoSync(&b); err == nil {
					err = e
				}
				if err != nil {
					fmt.Println("failed", err)
					os.Exit(1)
				}
				fmt.Println("key", key)
			}
		})
	}
	wg.Wait()
}

// quietChild commits once, without sync, and then nothing, until killed.
func quietChild(dir string) {
	s, err := Open(dir, Options{Logger: discard()})
	var b Batch
	b.Set(TableTicks, []byte("quiet"), []byte("value"))
	if err == nil {
		err = s.CommitNoSync(&b)
	}
	fmt.Println("committed", err)
	time.Sleep(time.Minute)
}

// A commit without sync survives a kill a little later, though nothing follows it.
func TestKillQuiet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), quietDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "committed <nil>\n" {
		t.Fatal(line)
	}
	time.Sleep(3 * settleEvery)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s := open(t, dir)
	if v, err := s.Get(TableTicks, []byte("quiet")); string(v) != "value" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestKill(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const rounds = 20
	acknowledged := map[string]bool{}
	commits := uint64(0)
	for range rounds {
		killChild(t, exe, dir, acknowledged)
		s := open(t, dir)
		r := s.Report()
		if r.Missing != 0 || r.Unchecked || r.Commits < commits {
			t.Fatalf("%+v after %d commits", r, commits)
		}
		commits = r.Commits
		found := map[string]bool{}
		err := s.Scan(TableAuth, nil, func(k, _ []byte) error {
			found[string(k)] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for k := range acknowledged {
			if !found[k] {
				t.Fatalf("%s was acknowledged and is lost", k)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) == 0 {
		t.Fatal("no child got to anything")
	}
	t.Logf("%d acknowledged commits survived %d kills", len(acknowledged), rounds)
}

// stillborn is a file system on which the first number cannot be acknowledged.
type stillborn struct {
	fileSystem
	on bool
}

type stillbornFile struct {
	vfs.File
	fs *stillborn
}

func (f *stillborn) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (
	vfs.File, error,
) {
	file, err := f.fileSystem.OpenReadWrite(name, c, o...)
	return stillbornFile{file, f}, err
}

func (f stillbornFile) WriteAt(p []byte, at int64) (int, error) {
	if n, ok := parseAck(p); f.fs.on && ok && n > 0 {
		return 0, syscall.EIO
	}
	return f.File.WriteAt(p, at)
}

// Who is stopped between the first commit and its acknowledgement left a whole database.
func TestCreationCutShort(t *testing.T) {
	fs := &stillborn{fileSystem: vfs.NewMem()}
	fs.on = true
	o := Options{Logger: discard(), fs: fs}
	s, err := Open("data", o)
	if err == nil && s.Report().Created {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	fs.on = false
	if s, err = Open("data", o); err != nil {
		t.Fatal(err)
	}
	if r := s.Report(); r.Unchecked || r.Missing != 0 || r.Commits != 1 {
		t.Errorf("%+v", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// killChild kills a child at a random instant, sometimes while it opens.
func killChild(t *testing.T, exe, dir string, acknowledged map[string]bool) {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Duration(rand.IntN(int(250*time.Millisecond))), func() {
		_ = cmd.Process.Kill()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, key, _ := strings.Cut(lines.Text(), " ")
		if what != "key" {
			t.Error(lines.Text())
			continue
		}
		acknowledged[key] = true
	}
	_ = cmd.Wait() // killed
}

// Power cuts: what was not synced may be there or not, in any mixture.
func TestPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := Options{Logger: discard(), fs: fs}
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	k := &cutWriters{s: s, stop: make(chan struct{})}
	for w := range 4 {
		k.wg.Go(func() { k.write(t, w) })
	}
	const cuts = 40
	checked := 0
	for i := range cuts {
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
		keys := k.acknowledged()
		checked += len(keys)
		percent := i * 100 / cuts
		cut := fs.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: percent,
			RNG:                 rand.New(rand.NewPCG(uint64(i), 1)),
		})
		k.pause.Lock()
		checkCut(t, cut, percent, keys)
		k.pause.Unlock()
	}
	close(k.stop)
	k.wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged commits looked for after %d power cuts", checked, cuts)
}

// cutWriters commit, with and without sync, and remember what was
// acknowledged.
type cutWriters struct {
	s     *Store
	stop  chan struct{}
	wg    sync.WaitGroup
	pause sync.RWMutex // held while a clone is looked at

	mu   sync.Mutex
	keys []string
}

func (k *cutWriters) acknowledged() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.keys)
}

func (k *cutWriters) write(t *testing.T, worker int) {
	value := make([]byte, 2000) // memtables are flushed on the way
	for i := 0; ; i++ {
		select {
		case <-k.stop:
			return
		case <-time.After(time.Millisecond):
		}
		key := fmt.Sprintf("%d-%d", worker, i)
		var b Batch
		b.Set(TableAuth, []byte(key), value)
		k.pause.RLock()
		err := k.s.Commit(&b)
		k.pause.RUnlock()
		if err != nil {
			t.Error(err)
			return
		}
		k.mu.Lock()
		k.keys = append(k.keys, key)
		k.mu.Unlock()
		b.Set(TableTicks, []byte(key), value)
		if err := k.s.CommitNoSync(&b); err != nil {
			t.Error(err)
			return
		}
	}
}

// checkCut opens what a power cut leaves and looks for keys.
func checkCut(t *testing.T, cut *vfs.MemFS, percent int, keys []string) {
	t.Helper()
	s, err := Open("data", Options{Logger: discard(), fs: cut})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r := s.Report(); r.Missing != 0 {
		t.Fatalf("%d %% kept: %+v", percent, r)
	}
	for _, k := range keys {
		if _, err := s.Get(TableAuth, []byte(k)); err != nil {
			t.Fatalf("%d %% kept: %s: %v", percent, k, err)
		}
	}
}

// A fileSystem on which nothing can be made.
type readOnly struct {
	fileSystem
	err error
}

func (r readOnly) MkdirAll(string, os.FileMode) error { return r.err }

// noCreate is a file system in which no new file can be made in dir.
type noCreate struct {
	vfs.FS
	dir string
	err error
}

func (n noCreate) Create(name string, c writeCategory) (file, error) {
	if n.FS.PathDir(name) == n.dir {
		return nil, &os.PathError{Op: "open", Path: name, Err: n.err}
	}
	return n.FS.Create(name, c)
}

// TestNothingIsDamaged holds that a database is not called damaged, which has people move
// it away, where the system refuses a file.
func TestNothingIsDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	set(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(dir, dbName)
	for err, want := range map[syscall.Errno]string{
		syscall.EACCES: db + "/",
		syscall.EROFS:  "give this user write access",
		syscall.ENOSPC: "free some",
		syscall.EDQUOT: "free some",
		syscall.EMFILE: "ulimit",
		syscall.EIO:    "disk",
	} {
		_, got := Open(dir, Options{Logger: discard(), fs: noCreate{vfs.Default, db, err}})
		if got == nil || !strings.Contains(got.Error(), want) || !errors.Is(got, err) &&
			!errors.Is(got, ErrNotWritable) || errors.Is(got, ErrDamaged) {
			t.Errorf("%v: %v", err, got)
		}
	}
	s = open(t, dir)
	defer s.Close()
	want(t, s, TableAuth, "k", "v")
}

func TestNotWritable(t *testing.T) {
	for err, want := range map[syscall.Errno]string{
		syscall.EACCES: "give this user write access",
		syscall.EPERM:  "give this user write access",
		syscall.EROFS:  "give this user write access",
		syscall.ENOSPC: "free some",
		syscall.EMFILE: "ulimit",
		syscall.EIO:    "disk",
		syscall.ENOENT: "can't be created: data: no such file or directory: make it yourself",
		syscall.ELOOP:  "give another directory",
	} {
		at := &os.PathError{Op: "mkdir", Path: "data", Err: err}
		_, got := Open("data", Options{Logger: discard(), fs: readOnly{vfs.NewMem(), at}})
		if got == nil || !strings.Contains(got.Error(), want) ||
			strings.ContainsAny(got.Error(), "\n") || errors.Is(got, ErrDamaged) {
			t.Errorf("%v: %v", err, got)
		}
	}
	if os.Getuid() == 0 {
		return // may write everywhere
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{Logger: discard()})
	wantLine(t, err, ErrNotWritable, "write access")
}
