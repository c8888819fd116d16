package store

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatVersion is the newest format of Pebble that this program was tested
// with. Raising it is one way: older programs then refuse the directory.
const formatVersion = pebble.FormatValueSeparation

// A fileSystem is where a Store lives; tests take one in memory.
type (
	fileSystem    = vfs.FS
	file          = vfs.File
	openOption    = vfs.OpenOption
	writeCategory = vfs.DiskWriteCategory
)

const (
	anyCategory = vfs.WriteCategoryUnspecified
	invalidFd   = vfs.InvalidFd
)

var realFiles fileSystem = vfs.Default

// A db is all that the package knows of Pebble. Its methods are safe for any
// goroutine, except that writes of commits come one at a time.
type db struct {
	p *pebble.DB
}

// openDB opens the database in dir. on hears of what goes wrong behind the
// calls; what Pebble cannot go on after never returns.
func openDB(fs fileSystem, dir string, l *logger) (*db, error) {
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref() // the database holds its own reference
	o := &pebble.Options{
		Cache:                 cache,
		FS:                    fs,
		FormatMajorVersion:    formatVersion,
		L0CompactionThreshold: 2,
		Logger:                l,
		MaxOpenFiles:          openFilesMax,
		MemTableSize:          memTableBytes,
		EventListener: &pebble.EventListener{
			BackgroundError: l.background,
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				l.trouble("damaged file " + i.Path + ": " + i.Details.Error())
			},
			DiskSlow: func(i pebble.DiskSlowInfo) { l.trouble(i.String()) },
		},
	}
	p, err := pebble.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return &db{p: p}, nil
}

// checkOptions says what is wrong with the text of an options file in dir.
func checkOptions(dir, text string) error {
	var o pebble.Options
	o.EnsureDefaults()
	return o.CheckCompatibility(dir, text)
}

// A write is a commit under way.
type write struct {
	b *pebble.Batch
}

// prepare turns b into a write, still without effect.
func (d *db) prepare(b *Batch) (write, error) {
	w := write{d.p.NewBatchWithSize(len(b.buf) + 16*len(b.ops) + 64)}
	for _, o := range b.ops {
		var err error
		key, value := b.buf[o.key:o.value], b.buf[o.value:o.end]
		if o.remove {
			err = w.b.Delete(key, nil)
		} else {
			err = w.b.Set(key, value, nil)
		}
		if err != nil {
			w.b.Close()
			return write{}, err
		}
	}
	return w, nil
}

// begin makes w visible as commit number n and queues it for the disk behind
// all commits begun before.
func (d *db) begin(w write, n uint64) error {
	err := w.b.Set(keySequence, binary.BigEndian.AppendUint64(nil, n), nil)
	if err != nil {
		return err
	}
	return d.p.ApplyNoSyncWait(w.b, pebble.Sync)
}

// wait returns once w is on the disk; whoever waits at the same time shares
// one fsync.
func (w write) wait() error {
	if err := w.b.SyncWait(); err != nil {
		return err
	}
	return w.b.Close()
}

// apply makes w visible, and durable some time later.
func (d *db) apply(w write) error {
	if err := w.b.Commit(pebble.NoSync); err != nil {
		return err
	}
	return w.b.Close()
}

// syncLog makes all that was applied durable.
func (d *db) syncLog() error { return d.p.LogData(nil, pebble.Sync) }

func (d *db) get(key []byte) ([]byte, error) {
	v, c, err := d.p.Get(key)
	if err != nil {
		return nil, err
	}
	v = append(make([]byte, 0, len(v)), v...)
	return v, c.Close()
}

// scan calls f with each key in [from, to) and its value, in order or, if back, from the
// last to the first. Both are valid only during the call.
func (d *db) scan(from, to []byte, back bool, f func(key, value []byte) error) (err error) {
	it, err := d.p.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() {
		if e := it.Close(); err == nil {
			err = e
		}
	}()
	first, next := it.First, it.Next
	if back {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Error()
}

func (d *db) checkpoint(dir string) error {
	return d.p.Checkpoint(dir, pebble.WithFlushedWAL())
}

func (d *db) close() error { return d.p.Close() }

func isDamage(err error) bool { return pebble.IsCorruptionError(err) }

func isNotFound(err error) bool { return errors.Is(err, pebble.ErrNotFound) }
