package server

import (
	"syscall"
	"testing"
)

// Whoever was answered that sessions have ended, a password is another or an account is
// gone finds it so after a kill.
func TestKillUndoesNoEnding(t *testing.T) {
	dir := t.TempDir()
	cmd, addr := serveChild(t, dir)
	s := &running{t: t, addrs: Addresses{Public: addr}}
	const fresh = "something new"
	deeds := []struct {
		name, method, path string
		body               any
		login, again       int // with the old password; of a registration of the name
	}{
		{"out", "POST", "logout", nil, 200, 400},
		{"changed", "PUT", "password",
			map[string]string{"old_password": goodPassword, "new_password": fresh}, 400, 400},
		{"gone", "DELETE", "me", map[string]string{"password": goodPassword}, 400, 200},
	}
	pairs := map[string]reply{}
	for _, d := range deeds {
		pairs[d.name] = s.pairOf(d.name)
	}
	for _, d := range deeds { // one after the other, so that each is the last once
		bearer := pairs[d.name].text("access_token")
		c := s.heard(bearer)
		r := s.call(d.method, "/api/v1/users/"+d.path, d.body, as(bearer)...)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = c.CloseNow()
		if r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", d.name, r.StatusCode, r.body)
		}
		cmd, s.addrs.Public = serveChild(t, dir)
		if got := s.refused("/api/v1/stream", bearer); got != 401 {
			t.Errorf("%s: bearer: %d", d.name, got)
		}
		if r := s.refresh(pairs[d.name].text("refresh_token")); r.StatusCode != 401 {
			t.Errorf("%s: refresh: %d", d.name, r.StatusCode)
		}
		old := credentials(d.name, goodPassword)
		if r := s.call("POST", "/api/v1/users/login", old); r.StatusCode != d.login {
			t.Errorf("%s: login: %d", d.name, r.StatusCode)
		}
		if r := s.call("POST", "/api/v1/users/register", old); r.StatusCode != d.again {
			t.Errorf("%s: register: %d", d.name, r.StatusCode)
		}
	}
	r := s.call("POST", "/api/v1/users/login", credentials("changed", fresh))
	if r.StatusCode != 200 {
		t.Errorf("the new password: %d %s", r.StatusCode, r.body)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
