package bench

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// All stands for what the program lists, in its order, none of them twice.
func TestFindTargets(t *testing.T) {
	program := filepath.Join(t.TempDir(), "peers")
	const script = "#!/bin/sh\necho 'floor ready text it'\necho 'nginx missing url no nginx here'\n" +
		"echo 'ws ready text it'\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ against, names, missing []string }{
		{[]string{"all"}, []string{"azira", "GOGC=50", "floor", "nginx", "ws"}, []string{"", "", "", "no nginx here", ""}},
		{[]string{"ws", "all", "none"}, []string{"azira", "GOGC=50", "ws", "floor", "nginx", "none"},
			[]string{"", "", "", "", "no nginx here", "no peer has this name"}},
		{nil, []string{"azira", "GOGC=50"}, []string{"", ""}},
	} {
		c := RunConfig{Executable: "azira", Also: []string{"GOGC=50"}, Against: x.against, Peers: program}
		var names, missing []string
		for _, g := range c.findTargets(t.Context(), t.TempDir()) {
			names, missing = append(names, g.name), append(missing, g.missing)
		}
		if !slices.Equal(names, x.names) || !slices.Equal(missing, x.missing) {
			t.Errorf("%v: %q %q", x.against, names, missing)
		}
	}
}
