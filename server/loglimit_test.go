package server

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLogIsLimited(t *testing.T) {
	var out syncBuffer
	h := newLimitedLog(testLogger(&out).Handler()).(limitedLog)
	now := time.Unix(1e9, 0)
	h.state.now = func() time.Time { return now }
	log := slog.New(h)
	const many = 5 * logLines
	for i := range many {
		log.With("i", i).Warn("spent refresh token shown again")
		log.Info("feed connected")
		log.Debug("request")
		log.Warn(fmt.Sprintf("http: URL query contains semicolon, which is no separator %d", i))
	}
	count := func(text string) int { return strings.Count(out.String(), text) }
	for _, text := range []string{"spent refresh", "feed connected", "http: URL"} {
		if n := count(text); n != logLines {
			t.Errorf("%s: %d lines of %d", text, n, many)
		}
	}
	if n := count("msg=request"); n != many {
		t.Errorf("%d debug lines of %d", n, many)
	}
	now = now.Add(logEvery)
	log.WithGroup("g").Warn("spent refresh token shown again")
	log.Warn("spent refresh token shown again")
	if n := count(fmt.Sprint("suppressed=", many-logLines)); n != 1 || count("spent") != logLines+2 {
		t.Errorf("%d lines tell of those suppressed: %s", n, out.String())
	}
	for i := range 3 * logKinds {
		log.Error(fmt.Sprint("kind", i))
	}
	if n := len(h.state.kinds); n != logKinds+1 {
		t.Errorf("%d kinds are kept", n)
	}
	if n := count("msg=kind"); n >= logKinds+logLines {
		t.Errorf("%d lines of ever new kinds", n)
	}
}
