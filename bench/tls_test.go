package bench

import "testing"

// TLS built in, clear text, and nginx in front: all deliver the same, and are weighed.
func TestRunTLS(t *testing.T) {
	t.Parallel()
	r := runJSON(t, build(t), "tls", "--clients", "40", "--rate", "2000", "--seconds", "1",
		"--rounds", "1", "--against", "", "--json", "-")
	if len(r.Targets) != 3 || r.Targets[0].Name != wssName || r.Targets[1].Name != clearName ||
		r.Targets[2].Name != frontName {
		t.Fatalf("%+v", r.Targets)
	}
	for i := range r.Targets {
		x := &r.Targets[i]
		if x.Missing == errNginx.Error() {
			t.Log(x.Missing)
			continue
		}
		if len(x.Trials) != 1 {
			t.Errorf("%s: %s", x.Name, x.Missing)
			continue
		}
		w, idle := x.Trials[0].Window, x.Trials[0].Idle
		sound(t, w)
		if sealed := w.Wire > 120; sealed != (x.Name != clearName) {
			t.Errorf("%s: %g bytes per tick", x.Name, w.Wire)
		}
		if idle.Opening <= 0 || len(idle.Points) != sizes || idle.Points[sizes-1].RSS <= 0 ||
			(idle.PerStream.User == 0) != (x.Name == frontName) {
			t.Errorf("%s: %+v", x.Name, idle)
		}
	}
}
