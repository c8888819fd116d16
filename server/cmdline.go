package server

import (
	"net/http"
	"os"
	"strings"
)

// commandLine is what /debug/pprof/cmdline shows: the arguments of this process, without
// the values of secret settings. Whoever may list processes sees those all the same, of
// which LoadConfig warns.
func commandLine(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strings.Join(withoutSecrets(os.Args), "\x00")))
}

// withoutSecrets replaces what stands behind flags of secret settings.
func withoutSecrets(args []string) []string {
	out := make([]string, len(args))
	hide := false
	for i, arg := range args {
		name, _, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		st := settingNamed(name)
		secret := strings.HasPrefix(arg, "-") && st != nil && st.secret
		switch {
		case hide:
			out[i] = "…"
		case secret && joined:
			out[i] = arg[:strings.IndexByte(arg, '=')] + "=…"
		default:
			out[i] = arg
		}
		hide = secret && !joined && !hide
	}
	return out
}

// shownSecrets warns of secrets among the flags.
func shownSecrets(gs givens) (out []string) {
	for i := range settings {
		st := &settings[i]
		if text, given := gs.value(st.name); st.secret && given && text != "" {
			out = append(out, "--"+st.name+": everybody on this machine can see it in the list of"+
				" processes; "+envName(st.name)+" or the file hide it")
		}
	}
	return out
}
