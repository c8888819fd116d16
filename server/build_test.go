package server

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	b := buildOf(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-28T00:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}})
	where := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	if got := b.String(); got != "azira v1.2.3 "+where+" commit abc (modified)" {
		t.Errorf("%q", got)
	}
	if got := buildOf(&debug.BuildInfo{}).String(); got != "azira unknown "+where {
		t.Errorf("%q", got)
	}
}

// The build is in the metrics and in the line of the start.
func TestBuildIsSaid(t *testing.T) {
	s := start(t)
	page := string(s.adminCall("/metrics").body)
	if !strings.Contains(page, `azira_build_info{commit="`+BuildInfo().Commit+`",go="`+
		runtime.Version()+`",version="`+BuildInfo().Version+`"} 1`) {
		t.Error("no azira_build_info")
	}
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "msg=serving ") && strings.Contains(line, " go="+runtime.Version()) {
			return
		}
	}
	t.Errorf("log:\n%s", s.log)
}
