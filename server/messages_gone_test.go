package server

import (
	"context"
	"testing"

	"azira/inbox"
	"azira/store"
)

// startParts is a server whose parts a test can look at.
func startParts(t *testing.T) (*server, *running) {
	t.Helper()
	parts := &server{config: testConfig(t), log: testLogger(&syncBuffer{})}
	t.Cleanup(func() { _ = parts.stop() })
	addrs, err := parts.start()
	if err != nil {
		t.Fatal(err)
	}
	return parts, &running{t: t, addrs: addrs}
}

// Of an account that is deleted, by itself or by an operator, no message is kept, nor
// what it sent to its group; and who registers a name has nothing of who had it before.
func TestMessagesOfWhoIsGone(t *testing.T) {
	parts, s := startParts(t)
	records := func() (n int) {
		err := parts.store.Scan(store.TableInbox, []byte{'m'}, func(_, _ []byte) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ann, bob := s.account("ann"), s.account("bob")
	v := s.vendor("v", "ann", "bob")
	s.tell("v", v, `["ann","bob"]`, "to both")
	s.tell("v", v, `"*"`, "to all")
	s.post(bob, "bob", "own")
	if n := records(); n != 4 {
		t.Fatalf("%d records", n)
	}
	gone := func(r reply, left int) {
		t.Helper()
		if n := records(); r.StatusCode != 200 || n != left {
			t.Errorf("%d %s; %d records, want %d", r.StatusCode, r.body, n, left)
		}
	}
	gone(s.call("DELETE", "/api/v1/users/me", map[string]string{"password": goodPassword}, as(ann)...), 3)
	gone(s.callAt("http://"+s.addrs.Admin, "DELETE", "/api/v1/users/bob", nil), 1)
	gone(s.callAt("http://"+s.addrs.Admin, "DELETE", "/api/v1/users/v", nil), 0)
	for _, name := range []string{"ann", "new"} { // as if it came while the account went
		_, err := parts.inbox.Send(context.Background(), name, inbox.Draft{From: "v", Content: []byte("late")})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.all(s.account(name)); got != "" {
			t.Errorf("%s was born with %q", name, got)
		}
	}
}
