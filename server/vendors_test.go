package server

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A broker is a vendor of a running server, whose answers are held to the document.
type broker struct {
	*running
	document
	path string   // of its calls
	own  []string // headers of its bearer
}

func (b *broker) admin() string { return "http://" + b.addrs.Admin }

// do makes one of the vendor's calls.
func (b *broker) do(status int, as []string, method, path string, body any) reply {
	b.t.Helper()
	r := b.call(method, b.path+path, body, as...)
	if r.StatusCode != status {
		b.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
	where := "/api/v1/vendors/{vendor}" + path
	if f := strings.Split(path, "/"); len(f) > 2 {
		f[2] = map[string]string{"clients": "{client}", "keys": "{id}"}[f[1]]
		where = "/api/v1/vendors/{vendor}" + strings.Join(f, "/")
	}
	if err := b.check(method, where, r); err != nil {
		b.t.Errorf("%s %s: %v: %s", method, path, err, r.body)
	}
	return r
}

// ticket mints one for a client.
func (b *broker) ticket(key []string, client string) string {
	b.t.Helper()
	return b.do(200, key, "POST", "/clients/"+client+"/ticket", nil).text("ticket")
}

// startBroker runs a server with a vendor and a key of it.
func startBroker(t *testing.T) (b *broker, made reply) {
	b = &broker{running: start(t), document: loadDocument(t, openAPIText)}
	b.own, b.path = as(b.account("Zoë")), "/api/v1/vendors/"+url.PathEscape("Zoë")
	r := b.callAt(b.admin(), "PUT", b.path, `{"streams":2,"bytes_per_s":4096}`)
	if r.StatusCode != 200 || r.at("limits", "streams") != 2.0 || r.at("limits", "tokens") != nil {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	return b, b.do(200, b.own, "POST", "/keys", `{"label":"back end","scopes":["clients","tickets"]}`)
}

func TestVendorAnswers(t *testing.T) {
	b, made := startBroker(t)
	key, ann := as(made.text("key")), as(b.account("ann"))
	b.do(200, b.own, "POST", "/keys", `{"label":"x","scopes":["send"],"expires_in":60}`)
	b.do(200, b.own, "GET", "/keys", nil)
	b.do(200, key, "POST", "/clients", `{"username":"c1"}`)
	b.do(400, key, "POST", "/clients", `{"username":"c1"}`)
	b.do(422, key, "POST", "/clients", `{"username":"a/b"}`)
	b.do(422, key, "POST", "/clients", `{"username":"c4","password":7}`)
	for _, bad := range []string{`{}`, `{"label":"x","scopes":[]}`, `{"label":"x","scopes":["all"]}`,
		`{"label":"x\n","scopes":["send"]}`, `{"label":"x","scopes":["send"],"expires_in":0}`} {
		b.do(422, b.own, "POST", "/keys", bad)
	}
	b.do(200, ann, "PUT", "/clients/ann", nil)
	b.do(403, key, "POST", "/clients/ann/ticket", nil)
	b.do(422, ann, "PUT", "/clients/ann", `{"tickets":"x"}`)
	if r := b.do(200, ann, "PUT", "/clients/ann", `{"tickets":true}`); r.at("tickets") != true {
		t.Errorf("%s", r.body)
	}
	r := b.call("GET", "/api/v1/vendors", nil, ann...)
	if err := b.check("GET", "/api/v1/vendors", r); err != nil || len(r.at("vendors").([]any)) != 1 {
		t.Errorf("%v %s", err, r.body)
	}
	b.do(200, key, "GET", "/clients", nil)
	for _, name := range []string{"c2", "c3"} {
		b.do(200, key, "POST", "/clients", map[string]string{"username": name})
	}
	var names []string
	for after := ""; ; {
		r := b.call("GET", b.path+"/clients?limit=2&after="+after, nil, key...)
		for _, c := range r.at("clients").([]any) {
			names = append(names, c.(map[string]any)["client"].(string))
		}
		if after = r.text("next"); after == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"ann", "c1", "c2", "c3"}) {
		t.Errorf("%q", names)
	}
}

// A broker's day: it makes clients, lets them in by tickets, and what it takes away ends
// at once.
func TestVendorDay(t *testing.T) {
	s, made := startBroker(t)
	key, bearer := as(made.text("key")), s.account("ann")
	do, ann := s.do, as(bearer)
	do(200, ann, "PUT", "/clients/ann", `{"tickets":true}`)
	for _, name := range []string{"c1", "c2", "c3"} {
		do(200, key, "POST", "/clients", map[string]string{"username": name})
	}
	ticket := func(client string) string { t.Helper(); return s.ticket(key, client) }
	one := s.open("/api/trigger/ws/c1?ticket="+ticket("c1"), "")
	two := s.open("/api/v1/stream?ticket="+ticket("c2"), "")
	hers := s.open("/api/v1/stream?ticket="+ticket("ann"), "") // not of its making: no place
	own := s.heard(bearer)
	say(t, one, "foo|A")
	say(t, two, "foo|A")
	say(t, hers, "foo|A")
	third := s.open("/api/v1/stream?ticket="+ticket("c3"), "")
	if code, reason := closeOf(t, third); code != 1008 || reason != "vendor limit 2 reached" {
		t.Errorf("%d %s", code, reason)
	}
	r := do(200, key, "GET", "", nil)
	if r.at("usage", "streams") != 2.0 || r.at("usage", "clients") != 4.0 || r.at("usage", "keys") != 1.0 {
		t.Errorf("%s", r.body)
	}
	do(200, key, "POST", "/clients/c1/disable", nil)
	if code, _ := closeOf(t, one); code != 3501 {
		t.Errorf("disabled: %d", code)
	}
	do(403, key, "POST", "/clients/c1/ticket", nil)
	do(200, key, "POST", "/clients/c1/enable", nil)
	eventually(t, "a place is free", func() bool {
		return do(200, key, "GET", "", nil).at("usage", "streams") == 1.0
	})
	do(200, ann, "DELETE", "/clients/ann", nil)
	if code, _ := closeOf(t, hers); code != 3501 {
		t.Errorf("left: %d", code)
	}
	say(t, own, "foo|A") // her own is not touched
	do(200, s.own, "DELETE", "/keys/"+made.text("id"), nil)
	do(401, key, "GET", "/clients", nil)
	if r := s.callAt(s.admin(), "DELETE", s.path, nil); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, two); code != 3501 {
		t.Errorf("vendor removed: %d", code)
	}
	do(404, s.own, "GET", "", nil)
	if text := s.log.String(); strings.Contains(text, "azk_") ||
		!strings.Contains(text, `"API key made"`) || !strings.Contains(text, `"vendor removed by operator"`) {
		t.Error("the log lacks a deed, or has a key")
	}
}

// Two vendors with one client, and one without: none learns of, or touches, what is the
// other's alone, by whatever spelling of a name or a path.
func TestVendorsApart(t *testing.T) {
	s := start(t)
	admin := "http://" + s.addrs.Admin
	bearers := map[string]string{}
	for _, name := range []string{"v", "w", "ann", "bob"} {
		bearers[name] = s.account(name)
	}
	for _, path := range []string{"v", "w", "v/clients/ann", "w/clients/ann", "v/clients/bob"} {
		if r := s.callAt(admin, "PUT", "/api/v1/vendors/"+path, nil); r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	before := s.call("GET", "/api/v1/vendors/v/clients", nil, as(bearers["v"])...)
	for _, path := range []string{"v", "v/clients", "v/keys", "%76/clients", "v/clients/bob/ticket",
		"w/clients/bob", "w/clients/bob/ticket", "w/clients/bob/disable", "w/clients/bob/enable",
		"w/clients/..%2F..%2Fv%2Fclients%2Fbob", "w%2F..%2Fv/clients", "v%00/clients",
		"w/clients/b%00ob/disable", "V/clients", "v%20/clients"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			r := s.call(method, "/api/v1/vendors/"+path, `{"label":"x","scopes":["send"],"username":"x1"}`,
				as(bearers["w"])...)
			if r.StatusCode != 404 && r.StatusCode != 405 {
				t.Errorf("%s %s: %d %s", method, path, r.StatusCode, r.body)
			}
		}
	}
	after := s.call("GET", "/api/v1/vendors/v/clients", nil, as(bearers["v"])...)
	if string(before.body) != string(after.body) || !strings.Contains(string(after.body), `"bob"`) {
		t.Errorf("%s became %s", before.body, after.body)
	}
	r := s.call("GET", "/api/v1/vendors/w/clients", nil, as(bearers["w"])...)
	if strings.Contains(string(r.body), "bob") || !strings.Contains(string(r.body), `"ann"`) {
		t.Errorf("%s", r.body)
	}
	if r := s.call("DELETE", "/api/v1/vendors/w/clients/ann", nil, as(bearers["w"])...); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := s.call("GET", "/api/v1/vendors", nil, as(bearers["ann"])...); !strings.Contains(
		string(r.body), `{"vendors":[{"vendor":"v",`) {
		t.Errorf("%s", r.body)
	}
}

func TestOperatorOfVendors(t *testing.T) {
	s := start(t)
	for _, name := range []string{"ann", "bob"} {
		s.account(name)
	}
	for _, tc := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", "/ann", nil, 404},
		{"PUT", "/nobody", nil, 404},
		{"PUT", "/x.example%2Fann", nil, 404},
		{"PUT", "/ann", `{"streams":0}`, 422},
		{"PUT", "/ann", `{"tokens":-1}`, 422},
		{"PUT", "/ann", `{"bytes_per_s":"x"}`, 422},
		{"PUT", "/ann", `{"messages_per_s":1000000001}`, 422},
		{"PUT", "/ann", `{`, 422},
		{"PUT", "/ann", nil, 200},
		{"PUT", "/ann", `{"streams":5,"messages_per_s":7}`, 200},
		{"PUT", "/ann", `{"streams":null}`, 200},
		{"GET", "/ann/clients?limit=0", nil, 400},
		{"PUT", "/ann/clients/nobody", nil, 404},
		{"PUT", "/bob/clients/ann", nil, 404},
		{"PUT", "/ann/clients/ann", nil, 409},
		{"DELETE", "/ann/clients/bob", nil, 404},
		{"PUT", "/ann/clients/bob", `{"tickets":true}`, 200},
		{"GET", "/ann/clients", nil, 200},
		{"DELETE", "/ann/clients/bob", nil, 200},
		{"GET", "?limit=1", nil, 200},
		{"DELETE", "/bob", nil, 404},
	} {
		r := s.callAt("http://"+s.addrs.Admin, tc.method, "/api/v1/vendors"+tc.path, tc.body)
		if r.StatusCode != tc.status {
			t.Errorf("%s %s %v: %d %s", tc.method, tc.path, tc.body, r.StatusCode, r.body)
		}
	}
	r := s.callAt("http://"+s.addrs.Admin, "GET", "/api/v1/vendors/ann", nil)
	if got := fmt.Sprint(r.at("limits")); got !=
		"map[bytes_per_s:<nil> messages_per_s:7 streams:<nil> tokens:<nil>]" {
		t.Error(got)
	}
	r = s.callAt("http://"+s.addrs.Admin, "PUT", "/api/v1/vendors/ann", nil,
		"Origin", "http://evil.example")
	if r.StatusCode != 403 {
		t.Errorf("a page elsewhere: %d", r.StatusCode)
	}
}

// A key that has expired, and one of a vendor that is disabled, are refused at once.
func TestKeysEnd(t *testing.T) {
	s := start(t)
	v := s.account("v")
	s.callAt("http://"+s.addrs.Admin, "PUT", "/api/v1/vendors/v", nil)
	key := func(ttl string) []string {
		t.Helper()
		r := s.call("POST", "/api/v1/vendors/v/keys",
			`{"label":"","scopes":["clients"],"expires_in":`+ttl+`}`, as(v)...)
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
		return as(r.text("key"))
	}
	brief, long := key("1"), key("null")
	status := func(key []string) int {
		return s.call("GET", "/api/v1/vendors/v/clients", nil, key...).StatusCode
	}
	if status(long) != 200 {
		t.Error("a good key")
	}
	eventually(t, "it expires", func() bool {
		time.Sleep(50 * time.Millisecond)
		return status(brief) == 401
	})
	s.mustOperate("POST", "/v/disable", nil)
	if n := status(long); n != 401 {
		t.Errorf("vendor disabled: %d", n)
	}
	s.mustOperate("POST", "/v/enable", nil)
	if n := status(long); n != 200 {
		t.Errorf("enabled: %d", n)
	}
	s.mustOperate("DELETE", "/v", nil)
	if n := status(long); n != 401 {
		t.Errorf("deleted: %d", n)
	}
}
