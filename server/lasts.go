package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"azira/engine"
	"azira/store"
)

// lasts keeps the names and last ticks of all tokens over a restart.
//
//	store.TableTicks: token ▶ ts u64 big endian, Unix µs; then the publisher's JSON
//
// A crash loses what was saved last; a token is then only not known before it
// ticks again. So nothing here waits for the disk.
type lasts struct {
	// Fixed.
	store  *store.Store
	engine *engine.Engine
	log    *slog.Logger

	// Owned by the goroutine of run; before and after it, by its maker.
	saved map[string]int64 // token ▶ ts of what is in the store
	opens uint64           // of the database, when saved was right
	whole time.Time        // when everything was saved
}

const (
	lastTSBytes    = 8
	lastBatchBytes = 1 << 20
)

// restore gives the engine every token of the store.
func (l *lasts) restore() error {
	l.saved = map[string]int64{}
	refused := 0
	err := l.store.Scan(store.TableTicks, nil, func(key, value []byte) error {
		if len(value) < lastTSBytes {
			refused++
			return nil
		}
		name, ts := string(key), int64(binary.BigEndian.Uint64(value))
		var data []byte
		if len(value) > lastTSBytes {
			data = append(data, value[lastTSBytes:]...)
		}
		if err := l.engine.Restore(name, ts, data); err != nil {
			refused++
			return nil
		}
		l.saved[name] = ts
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore last ticks: %w", err)
	}
	if refused > 0 {
		l.log.Warn("tokens of an earlier run not taken over", "count", refused)
	}
	return nil
}

// run saves until ctx ends: new tokens within a second, changes now and then.
func (l *lasts) run(ctx context.Context) {
	tick := time.NewTicker(lastNamePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if n := l.store.State().Reopened; n != l.opens {
				l.opens = n
				clear(l.saved) // what was saved last may be lost with the disk
			}
			all := now.Sub(l.whole) >= lastTickPeriod
			if !all && l.engine.TokenCount() == len(l.saved) {
				continue
			}
			if err := l.save(all); err != nil {
				if !errors.Is(err, store.ErrUnwritable) { // the store has logged it
					l.log.Error("save last ticks", "err", err)
				}
				clear(l.saved) // nothing is sure to be there: all of it again
			}
		}
	}
}

// save writes the last ticks of tokens that are new or, for all, changed.
func (l *lasts) save(all bool) error {
	if all {
		l.whole = time.Now()
	}
	var b store.Batch
	var value []byte
	size := 0
	for _, name := range l.engine.Tokens() {
		before, known := l.saved[name]
		if known && !all {
			continue
		}
		tick, _ := l.engine.Last(name)
		if known && tick.TS == before {
			continue
		}
		value = binary.BigEndian.AppendUint64(value[:0], uint64(tick.TS))
		value = append(value, tick.Data...)
		b.Set(store.TableTicks, []byte(name), value)
		l.saved[name] = tick.TS
		if size += len(name) + len(value); size >= lastBatchBytes {
			if err := l.store.CommitNoSync(&b); err != nil {
				return err
			}
			b.Reset()
			size = 0
		}
	}
	return l.store.CommitNoSync(&b)
}
