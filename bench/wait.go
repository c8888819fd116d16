package bench

import (
	"context"
	"fmt"
	"time"
)

// await asks again and again until the answer is yes.
func await(ctx context.Context, what string,
	answer func(context.Context) (bool, error)) error {
	for end := time.Now().Add(settleTimeout); ; {
		yes, err := answer(ctx)
		if err != nil || yes {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w for %s: %v", errLate, what, settleTimeout)
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// pause sleeps, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
