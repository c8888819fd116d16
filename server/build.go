package server

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// A Build says what program this is. Fields that the build did not note are empty.
type Build struct {
	Version  string `json:"version"` // of the module
	Commit   string `json:"commit"`
	Time     string `json:"commit_time"`
	Modified bool   `json:"modified"` // changed since the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// BuildInfo is what the toolchain noted in this program.
var BuildInfo = sync.OnceValue(func() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
})

func buildOf(info *debug.BuildInfo) Build {
	b := Build{Version: info.Main.Version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b.Version == "" {
		b.Version = "unknown"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is one line, as azira version prints it.
func (b Build) String() string {
	line := "azira " + b.Version + " " + b.Go + " " + b.Platform
	if b.Commit != "" {
		line += " commit " + b.Commit
	}
	if b.Modified {
		line += " (modified)"
	}
	return line
}
