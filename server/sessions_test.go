package server

import (
	"strings"
	"testing"
)

func TestSessionsListAndClose(t *testing.T) {
	s := start(t)
	ann, bob := s.account("ann"), s.account("bob")
	c := s.open("/api/v1/stream", ann)
	say(t, c, "foo|A")
	r := s.call("GET", "/api/v1/sessions", nil, as(ann)...)
	list, _ := r.at("sessions").([]any)
	if len(list) != 1 {
		t.Fatalf("%s", r.body)
	}
	it := list[0].(map[string]any)
	if !strings.HasPrefix(it["address"].(string), "127.0.0.1:") || it["dialect"] != "text" ||
		!strings.HasPrefix(it["agent"].(string), "Go-http-client") || it["tokens"] != 0.0 {
		t.Errorf("%s", r.body)
	}
	path := "/api/v1/sessions/" + it["id"].(string)
	if r := s.call("DELETE", path, nil, as(bob)...); r.StatusCode != 404 {
		t.Errorf("somebody else closed it: %d", r.StatusCode)
	}
	if r := s.call("DELETE", "/api/v1/sessions/-1", nil, as(ann)...); r.StatusCode != 404 {
		t.Errorf("no number: %d", r.StatusCode)
	}
	if r := s.call("DELETE", path, nil, as(ann)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, c); code != 3501 {
		t.Errorf("closed with %d", code)
	}
}
