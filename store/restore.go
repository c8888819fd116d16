package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"strings"
)

// Restore makes the data directory to of the checkpoint in from, which stays as it is.
// to must not exist, or be empty. Every file is held against the checkpoint's list, and
// the copy is opened once, before it gets its name: after an error nothing is at to.
func Restore(from, to string, o Options) (OpenReport, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.fs == nil {
		o.fs = realFiles
	}
	r := restoring{fs: o.fs, from: from, to: to, part: to + partName}
	if err := r.checkTarget(); err != nil {
		return OpenReport{}, err
	}
	c, err := r.list()
	if err != nil {
		return OpenReport{}, err
	}
	if err := r.fs.RemoveAll(r.part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return OpenReport{}, fmt.Errorf("store: remove a restore broken off: %w", err)
	}
	report, err := r.run(c, o)
	if err != nil {
		_ = r.fs.RemoveAll(r.part) // the first error is the one to tell
	}
	return report, err
}

// restoring is a Restore under way.
type restoring struct {
	fs             fileSystem
	from, to, part string
}

// checkTarget refuses to write over anything.
func (r *restoring) checkTarget() error {
	from, err := filepath.Abs(r.from)
	to, err2 := filepath.Abs(r.to)
	if err == nil && err2 == nil && strings.HasPrefix(to, from+string(filepath.Separator)) {
		return fmt.Errorf("%w: %s is inside the checkpoint: give another directory",
			ErrExists, r.to)
	}
	i, err := r.fs.Stat(r.to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("store: look at %s: %w", r.to, err)
	case !i.IsDir():
		return fmt.Errorf("%w: %s is a file", ErrExists, r.to)
	}
	names, err := r.fs.List(r.to)
	if err != nil {
		return fmt.Errorf("store: look at %s: %w", r.to, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: %s is not empty: move it away, or name another directory",
			ErrExists, r.to)
	}
	return nil
}

func (r *restoring) list() (Checkpoint, error) {
	f, err := r.fs.Open(r.fs.PathJoin(r.from, listName))
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, fmt.Errorf("%w: %s has no file %s: name a directory that "+
			"azira backup made", ErrForeign, r.from, listName)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("store: read checkpoint: %w", err)
	}
	p, err := io.ReadAll(io.LimitReader(f, checkpointListMax))
	if err = errors.Join(err, f.Close()); err != nil {
		return Checkpoint{}, fmt.Errorf("store: read checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(p)
	if err != nil {
		return c, fmt.Errorf("%w (%s)", err, r.from)
	}
	return c, nil
}

func (r *restoring) run(c Checkpoint, o Options) (OpenReport, error) {
	if err := makeDir(r.fs, r.fs.PathJoin(r.part, dbName)); err != nil {
		return OpenReport{}, fmt.Errorf("store: make %s: %w", r.part, err)
	}
	for name, want := range c.Files {
		if err := r.copy(name, want); err != nil {
			return OpenReport{}, err
		}
	}
	s, err := Open(r.part, o)
	if err != nil {
		return OpenReport{}, err
	}
	report := s.Report()
	if err := s.Close(); err != nil {
		return report, err
	}
	if report.Missing > 0 || report.Commits < c.Commits {
		return report, fmt.Errorf("%w: %d commits in %s, %d expected",
			ErrTorn, report.Commits, r.from, c.Commits)
	}
	return report, r.place()
}

// place gives the copy its name.
func (r *restoring) place() error {
	if err := r.fs.Remove(r.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: take the place of %s: %w", r.to, err)
	}
	if err := r.fs.Rename(r.part, r.to); err != nil {
		return fmt.Errorf("store: name %s: %w", r.to, err)
	}
	return syncDir(r.fs, r.fs.PathDir(r.to))
}

// copy copies one file and holds it against the list.
func (r *restoring) copy(name string, want CheckpointFile) error {
	from := r.fs.PathJoin(r.from, path.Dir(name), path.Base(name))
	src, err := r.fs.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrTorn, from)
	}
	if err != nil {
		return fmt.Errorf("store: read checkpoint: %w", err)
	}
	defer src.Close()
	to := r.fs.PathJoin(r.part, path.Dir(name), path.Base(name))
	dst, err := r.fs.Create(to, anyCategory)
	if err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	h := crc32.New(castagnoli)
	both, page := io.MultiWriter(h, dst), make([]byte, checkpointCopyPage)
	n, err := io.CopyBuffer(both, onlyReader{src}, page)
	if err = errors.Join(err, dst.Sync(), dst.Close()); err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	if got := (CheckpointFile{n, h.Sum32()}); got != want {
		return fmt.Errorf("%w: %s is damaged: %d bytes, %d expected, checksum %s",
			ErrTorn, from, n, want.Bytes, sameOr(got.CRC == want.CRC))
	}
	return nil
}

func sameOr(same bool) string {
	if same {
		return "right"
	}
	return "wrong"
}
