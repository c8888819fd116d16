package server

import (
	"log/slog"
	"os"
)

// logger is c.Logger, or one as the settings say.
func (c *Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	to := c.LogTo
	if to == nil {
		to = os.Stderr
	}
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		o.ReplaceAttr = durationText
		return slog.New(newLimitedLog(slog.NewJSONHandler(to, o)))
	}
	return slog.New(newLimitedLog(slog.NewTextHandler(to, o)))
}

// durationText gives JSON logs durations with their unit, as text logs have them.
func durationText(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
