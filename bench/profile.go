package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// profiles are taken at the end of a window, the processor's during it.
var profiles = []string{"heap", "allocs", "mutex", "block", "goroutine"}

// profile takes profiles of Azira during the window that begins now, in the first
// round only. The channel tells how it went, once.
func (t *trial) profile(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	if t.c.Profile == "" || len(t.scrapes) == 0 || t.round > 0 {
		done <- nil
		return done
	}
	go func() {
		var errs []error
		errs = append(errs, t.capture(ctx, "cpu",
			fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(int(t.c.Seconds), 1))))
		for _, name := range profiles {
			errs = append(errs, t.capture(ctx, name, "/debug/pprof/"+name))
		}
		done <- errors.Join(errs...)
	}()
	return done
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
