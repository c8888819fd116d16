package server

import (
	"strings"
	"testing"
)

// What descriptors there are is told once, however long it lasts.
func TestRoomIsTold(t *testing.T) {
	out, why := &syncBuffer{}, ""
	r := &room{trouble: func() string { return why }, log: testLogger(out)}
	for _, step := range []struct {
		why         string
		full, again int
	}{
		{"", 0, 0}, {"no file descriptors left", 1, 0}, {"no file descriptors left: more", 1, 0},
		{"", 1, 1}, {"", 1, 1}, {"x", 2, 1},
	} {
		why = step.why
		r.look()
		full := strings.Count(out.String(), "new streams are refused")
		again := strings.Count(out.String(), "there is room for streams again")
		if full != step.full || again != step.again {
			t.Errorf("%q: told %d and %d times", step.why, full, again)
		}
	}
}
