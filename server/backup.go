package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"azira/store"
)

// A backup makes checkpoints of the database while the server runs: POST /checkpoint on
// the admin port. A caller gives a name at most, never a path; what is there is never
// written over; --backup-dir holds a bounded number of them, each of which leaves space
// on the disk. Pages of other origins are turned away: a browser on this machine would
// reach a port on loopback for them.
type backup struct {
	dir   string
	log   *slog.Logger
	store *store.Store
}

// A Backup is the answer to POST /checkpoint.
type Backup struct {
	Dir     string `json:"dir"`
	Commits uint64 `json:"commits"` // at least those up to this one
	Bytes   int64  `json:"bytes"`
}

func newBackup(c *Config, log *slog.Logger, s *store.Store) (http.Handler, error) {
	b := &backup{dir: c.BackupDir, log: log, store: s}
	if b.dir == "" {
		b.dir = filepath.Join(c.Data, "backups")
	}
	if at, err := filepath.Abs(b.dir); err == nil {
		b.dir = at // callers may be elsewhere
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %s: %s: give another --backup-dir", errBackupDir, b.dir,
			cause(err))
	}
	return http.NewCrossOriginProtection().Handler(b), nil
}

// backupStatus says how a checkpoint that was not made is answered.
var backupStatus = []struct {
	err    error
	status int
}{
	{errBackupName, http.StatusUnprocessableEntity},
	{errBackups, http.StatusInsufficientStorage},
	{store.ErrExists, http.StatusConflict},
	{store.ErrNoSpace, http.StatusInsufficientStorage},
	{store.ErrUnwritable, http.StatusServiceUnavailable},
	{store.ErrClosed, http.StatusServiceUnavailable},
}

func (b *backup) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	made, err := b.make(r.URL.Query().Get("name"))
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		b.log.Info("checkpoint made", "dir", made.Dir, "commits", made.Commits,
			"bytes", made.Bytes, "took", time.Since(began).Round(time.Millisecond))
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(mustJSON(made))
		return
	}
	b.log.Warn("no checkpoint was made", "err", err)
	status := http.StatusInternalServerError
	for _, known := range backupStatus {
		if errors.Is(err, known.err) {
			status = known.status
		}
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	text := strings.TrimPrefix(plain(err), "store: ")
	_, _ = w.Write(mustJSON(map[string]string{"detail": text}))
}

func (b *backup) make(name string) (Backup, error) {
	if name == "" {
		name = time.Now().UTC().Format("20060102T150405.000Z")
	}
	if err := checkBackupName(name); err != nil {
		return Backup{}, err
	}
	if there, err := os.ReadDir(b.dir); err == nil && len(there) >= backupsMax {
		return Backup{}, errBackups
	}
	dir := filepath.Join(b.dir, name)
	c, err := b.store.Checkpoint(dir)
	return Backup{Dir: dir, Commits: c.Commits, Bytes: c.Bytes()}, err
}

// checkBackupName takes what is a plain name of a directory everywhere.
func checkBackupName(name string) error {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("-_.", r)) {
			return errBackupName
		}
	}
	if len(name) > backupNameMax || strings.HasSuffix(name, ".part") {
		return errBackupName
	}
	return nil
}
