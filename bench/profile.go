package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A profileKind is one profile and where the admin port gives it.
type profileKind struct{ name, path string }

// Profiles are taken over the same seconds of a window where they are of a time, and
// after these where they are of a moment.
var (
	profilesDuring = []profileKind{{"cpu", "profile"}, {"mutex", "mutex"}, {"block", "block"}}
	profilesAfter  = []profileKind{{"heap", "heap"}, {"allocs", "allocs"},
		{"goroutine", "goroutine"}}
)

// profile takes profiles of Azira, as it is without other settings, during the window
// that begins now, if it is the first of all. The channel tells how it went, once.
func (t *trial) profile(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	if t.c.Profile == "" || !t.target.own || t.round > 0 || t.profiled {
		done <- nil
		return done
	}
	t.profiled = true
	during := fmt.Sprintf("?seconds=%d", min(max(int(t.c.Seconds), 1), profileMax))
	go func() {
		err := t.captureAll(ctx, profilesDuring, during)
		done <- errors.Join(err, t.captureAll(ctx, profilesAfter, ""))
	}()
	return done
}

// captureAll keeps profiles of the first server, all at once.
func (t *trial) captureAll(ctx context.Context, kinds []profileKind, query string) error {
	errs := make([]error, len(kinds))
	var capturing sync.WaitGroup
	for i, k := range kinds {
		capturing.Go(func() {
			errs[i] = t.capture(ctx, k.name, "/debug/pprof/"+k.path+query)
		})
	}
	capturing.Wait()
	return errors.Join(errs...)
}

// capture keeps one profile of the first server in a file.
func (t *trial) capture(ctx context.Context, name, path string) error {
	if err := os.MkdirAll(t.c.Profile, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	f, err := os.Create(filepath.Join(t.c.Profile, t.c.Name+"-"+name+".pb.gz"))
	if err != nil {
		return fmt.Errorf("make profile: %w", err)
	}
	err = t.scrapes[0].get(ctx, path, func(r io.Reader) error {
		_, err := io.Copy(f, r)
		return err
	})
	return errors.Join(err, f.Close())
}
