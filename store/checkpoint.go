package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// A checkpoint is a copy of a Store at one moment, a directory that holds
//
//	db/           Pebble's files: tables linked where the disk allows, the rest copied
//	acknowledged  the side file
//	checkpoint    the list of all those with length and checksum, written last
//
// It is made beside its place, as NAME.part, and renamed when all of it is on the disk.
const (
	listName = "checkpoint"
	partName = ".part"
)

// A Checkpoint says what one holds.
type Checkpoint struct {
	Format  int                       `json:"azira_checkpoint"`
	Schema  uint32                    `json:"schema"`
	Commits uint64                    `json:"commits"` // at least those up to this one
	Made    time.Time                 `json:"made"`
	Files   map[string]CheckpointFile `json:"files"` // by path with slashes
}

// A CheckpointFile is what is known of one file.
type CheckpointFile struct {
	Bytes int64  `json:"bytes"`
	CRC   uint32 `json:"crc32c"`
}

// Bytes is how long all files together are.
func (c *Checkpoint) Bytes() (n int64) {
	for _, f := range c.Files {
		n += f.Bytes
	}
	return n
}

// Checkpoint writes a copy of the database as it is now, with every commit acknowledged
// before, into dir, which must not exist. Commits go on meanwhile; one checkpoint is made
// at a time. It is refused with ErrNoSpace if the disk of dir would be left with less
// than 64 MiB. After an error nothing is there.
func (s *Store) Checkpoint(dir string) (Checkpoint, error) {
	s.copies.Lock()
	defer s.copies.Unlock()
	o, err := s.enter()
	if err != nil {
		return Checkpoint{}, err
	}
	defer o.calls.Done()
	if _, err := s.fs.Stat(dir); err == nil {
		return Checkpoint{}, fmt.Errorf("%w: %s: name a new directory", ErrExists, dir)
	}
	part := dir + partName
	if err := s.fs.RemoveAll(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, fmt.Errorf("store: remove a checkpoint broken off: %w", err)
	}
	c, err := s.checkpointInto(o, part)
	if err == nil {
		err = s.fs.Rename(part, dir)
	}
	if err == nil {
		err = syncDir(s.fs, s.fs.PathDir(dir))
	}
	if err == nil {
		return c, nil
	}
	_ = s.fs.RemoveAll(part) // the first error is the one to tell
	if errors.Is(err, ErrUnwritable) || errors.Is(err, ErrNoSpace) {
		return c, err
	}
	return c, fmt.Errorf("store: checkpoint: %w", err)
}

func (s *Store) checkpointInto(o *opened, part string) (Checkpoint, error) {
	if err := makeDir(s.fs, part); err != nil {
		return Checkpoint{}, err
	}
	if err := s.checkSpace(part); err != nil {
		return Checkpoint{}, err
	}
	n := s.ack.highest() // before the copy, so that it holds at least n commits
	db := s.fs.PathJoin(part, dbName)
	if err := o.try(func() error { return o.db.checkpoint(db) }); err != nil {
		return Checkpoint{}, err
	}
	a, err := openAck(s.fs, part)
	if err == nil {
		err = errors.Join(a.raise(n), a.close())
	}
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Format: checkpointFormat, Schema: schemaVersion, Commits: n,
		Made: time.Now().UTC().Truncate(time.Second), Files: map[string]CheckpointFile{}}
	return c, c.seal(s.fs, part)
}

// checkSpace holds that the database, copied whole, leaves some space.
func (s *Store) checkSpace(dir string) error {
	use, err := s.fs.GetDiskUsage(dir)
	if err != nil {
		return nil // not known on this file system
	}
	db := s.fs.PathJoin(s.dir, dbName)
	names, err := s.fs.List(db)
	if err != nil {
		return err
	}
	need := uint64(checkpointSpare)
	for _, n := range names {
		if i, err := s.fs.Stat(s.fs.PathJoin(db, n)); err == nil {
			need += uint64(i.Size())
		}
	}
	if use.AvailBytes < need {
		return fmt.Errorf("%w for a checkpoint in %s: %d MiB are free, %d MiB are needed",
			ErrNoSpace, dir, use.AvailBytes>>20, need>>20)
	}
	return nil
}

// seal notes every file in dir, makes each durable, and writes the list of them.
func (c *Checkpoint) seal(fs fileSystem, dir string) error {
	db := fs.PathJoin(dir, dbName)
	names, err := fs.List(db)
	if err != nil {
		return err
	}
	at := map[string]string{ackName: fs.PathJoin(dir, ackName)}
	for _, n := range names {
		at[path.Join(dbName, n)] = fs.PathJoin(db, n)
	}
	for name, file := range at {
		if c.Files[name], err = sum(fs, file); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	if err := syncDir(fs, db); err != nil {
		return err
	}
	f, err := fs.Create(fs.PathJoin(dir, listName), anyCategory)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// sum reads a file through and makes it durable.
func sum(fs fileSystem, name string) (CheckpointFile, error) {
	f, err := fs.Open(name)
	if err != nil {
		return CheckpointFile{}, err
	}
	h := crc32.New(castagnoli)
	n, err := io.CopyBuffer(h, onlyReader{f}, make([]byte, checkpointCopyPage))
	return CheckpointFile{n, h.Sum32()}, errors.Join(err, f.Sync(), f.Close())
}

// An onlyReader hides what else a file can do, so that io.Copy reads it by the page.
type onlyReader struct{ io.Reader }

// ParseCheckpoint reads the list of a checkpoint's files. It names no file beyond the
// checkpoint.
func ParseCheckpoint(p []byte) (Checkpoint, error) {
	var c Checkpoint
	if err := json.Unmarshal(p, &c); err != nil {
		return c, fmt.Errorf("%w: its list of files is damaged", ErrTorn)
	}
	if c.Format > checkpointFormat || c.Schema > schemaVersion {
		return c, fmt.Errorf("%w: checkpoint of format %d, schema %d: use the newer program",
			ErrSchema, c.Format, c.Schema)
	}
	if _, ok := c.Files[ackName]; !ok || c.Format < 1 {
		return c, fmt.Errorf("%w: its list of files lacks some", ErrTorn)
	}
	for name, f := range c.Files {
		inDB, ok := strings.CutPrefix(name, dbName+"/")
		plain := inDB != "" && inDB != "." && inDB != ".." && !strings.ContainsAny(inDB, "/\\\x00")
		if name != ackName && !(ok && plain) || f.Bytes < 0 {
			return c, fmt.Errorf("%w: %.80q in its list of files", ErrTorn, name)
		}
	}
	return c, nil
}
