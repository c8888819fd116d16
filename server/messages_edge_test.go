package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// ruled is what the operator does about vendors.
func (s *running) ruled(method, path string) {
	s.t.Helper()
	if r := s.callAt("http://"+s.addrs.Admin, method, path, nil); r.StatusCode != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
}

// Whatever ends a membership, streams that are open then get no more of the group.
func TestGroupEndsForOpenStreams(t *testing.T) {
	for _, how := range []string{"leaves", "operator takes it out", "vendor removed", "vendor deleted"} {
		t.Run(how, func(t *testing.T) {
			s := start(t)
			ann, vic := s.account("ann"), s.account("vic")
			const path = "/api/v1/vendors/vic"
			mine := path + "/clients/ann"
			s.ruled("PUT", path)
			if r := s.call("PUT", mine, nil, as(ann)...); r.StatusCode != 200 {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			p := s.typed(ann, "azira.v1.json", "")
			all := func(content string, reached float64) {
				t.Helper()
				r := s.call("POST", path+"/messages",
					map[string]string{"to": "*", "content": content}, as(vic)...)
				if r.StatusCode != http.StatusAccepted || r.at("accepted") != reached {
					t.Fatalf("%d %s", r.StatusCode, r.body)
				}
			}
			all("while in it", 1)
			if e := p.expect("msg"); e.text("content") != "while in it" {
				t.Fatalf("%v", e)
			}
			switch how {
			case "leaves":
				s.call("DELETE", mine, nil, as(ann)...)
			case "operator takes it out":
				s.ruled("DELETE", mine)
			case "vendor removed":
				s.ruled("DELETE", path)
			case "vendor deleted":
				s.call("DELETE", "/api/v1/users/me", map[string]string{"password": goodPassword}, as(vic)...)
				vic = s.account("vic")
			}
			s.ruled("PUT", path)
			all("not for her", 0)
			s.post(ann, "ann", "for her")
			if e := p.expect("msg"); e.text("content") != "for her" {
				t.Errorf("%v", e)
			}
		})
	}
}

// Who was made for the group, and who joined it, are told alike what they missed of it.
func TestGroupMakesRoom(t *testing.T) {
	s := start(t, func(c *Config) { c.InboxMessages = 5 })
	vic, ann := s.account("vic"), s.account("ann")
	const path = "/api/v1/vendors/vic"
	s.ruled("PUT", path)
	s.call("POST", path+"/clients", credentials("made", goodPassword), as(vic)...)
	s.call("PUT", path+"/clients/ann", nil, as(ann)...)
	for i := range 12 {
		s.call("POST", path+"/messages", map[string]string{"to": "*", "content": fmt.Sprint(i)}, as(vic)...)
	}
	for _, bearer := range []string{ann, s.login("made")} {
		p := s.typed(bearer, "azira.v1.json", "")
		if e := p.expect("gap"); e.number("dropped") != 7 {
			t.Errorf("%v", e)
		}
		for i := 7; i < 12; i++ {
			if e := p.expect("msg"); e.text("content") != fmt.Sprint(i) {
				t.Errorf("%v", e)
			}
		}
	}
}

// What may be sent may be sent in any spelling: all of it escaped, to a list of long names.
func TestMessageEscaped(t *testing.T) {
	s := start(t, func(c *Config) { c.MessageBytes = 32 << 10 })
	ann, vic := s.account("ann"), s.account("vic")
	send := func(path, to, content string) reply {
		return s.call("POST", path, `{`+to+`,"content":"`+content+`"}`, as(vic)...)
	}
	most := strings.Repeat(`\u0001`, 32<<10)
	for content, status := range map[string]int{
		most: 202, most + "x": 413,
	} {
		if r := send("/api/v1/messages", `"username":"vic"`, content); r.StatusCode != status {
			t.Errorf("%d bytes: %d %s", len(content), r.StatusCode, r.body)
		}
	}
	head := fmt.Sprintf("POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", vic, sendBodyMax+1)
	if got := s.raw(head); !strings.HasPrefix(got, "HTTP/1.1 413 ") { // before any of the body
		t.Errorf("a body over the bound: %.60q", got)
	}
	s.ruled("PUT", "/api/v1/vendors/vic")
	s.call("PUT", "/api/v1/vendors/vic/clients/ann", nil, as(ann)...)
	names := strings.Repeat(`"`+strings.Repeat(`\ud83d\ude00`, 64)+`",`, 999) + `"ann"`
	r := send("/api/v1/vendors/vic/messages", `"to":[`+names+`]`, most)
	if r.StatusCode != 403 { // it was read, and has names that nobody has
		t.Errorf("%d %.200s", r.StatusCode, r.body)
	}
}

// A refusal says which of the fields it is about.
func TestMessageRefusals(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	for body, loc := range map[string]string{
		`{"username":"ann","content":"x","ttl_s":-1}`:                               "[body ttl_s]",
		`{"username":"ann","content":"x","ttl_s":1e300}`:                            "[body ttl_s]",
		`{"username":"ann","content":"x","type":"` + strings.Repeat("é", 17) + `"}`: "[body type]",
		`{"username":"ann","content":"x","type":"\udc00"}`:                          "[body type]",
		`{"username":"ann","content":"\ud83d"}`:                                     "[body content]",
		`{"username":"ann","content":"\ude00\ud83d"}`:                               "[body content]",
		`{"username":"ann","content":"\ud83d\ud83d\ude00"}`:                         "[body content]",
		`{"username":"ann","content":"` + base64.StdEncoding.EncodeToString(nil) + `a",` +
			`"encoding":"base64"}`: "[body content]",
	} {
		r := s.call("POST", "/api/v1/messages", body, as(ann)...)
		faults, _ := r.at("detail").([]any)
		if r.StatusCode != 422 || len(faults) != 1 ||
			fmt.Sprint(faults[0].(map[string]any)["loc"]) != loc {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}
	r := s.call("POST", "/api/v1/messages", map[string]string{"username": "ann", "content": "x"},
		append(as(ann), "Idempotency-Key", strings.Repeat("k", 256))...)
	if r.StatusCode != 422 || !strings.Contains(string(r.body), "Idempotency-Key") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	s.post(ann, "ann", "\ufffd 😀")
	if r := s.call("POST", "/message", `{"username":"ann","content":"\ufffd \ud83d\uDE00 \\ud83d"}`,
		as(ann)...); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}

// Times may have an offset, and its + be sent as it is.
func TestInboxOffset(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	s.post(ann, "ann", "now")
	for query, n := range map[string]int{
		"since=2020-01-01T00:00:00%2B05:30": 1, "since=2020-01-01T00:00:00+05:30": 1,
		"until=2020-01-01T00:00:00+05:30": 0, "since=2020-01-01T00:00:00-05:30": 1,
	} {
		r := s.call("GET", "/api/v1/messages?"+query, nil, as(ann)...)
		if list, ok := r.at("messages").([]any); !ok || len(list) != n {
			t.Errorf("%s: %d %s", query, r.StatusCode, r.body)
		}
	}
}

// The twin: encoding/json puts U+FFFD where half a pair was.
func FuzzUnpaired(f *testing.F) {
	for _, s := range []string{
		`""`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\\ud83d"`, `"\ud83d\\ude00"`, `"\ufffd\""`,
		`"\ud83d\ud83d\ude00"`, `"\uD83D\n\uDE00"`, `"\`, `\u`, `\ud83`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := unpaired(raw)
		var text string
		if !utf8.Valid(raw) || json.Unmarshal(raw, &text) != nil {
			return
		}
		plain := strings.ToLower(strings.ReplaceAll(string(raw), `\\`, ""))
		put := strings.Count(text, "\ufffd") -
			strings.Count(plain, `\ufffd`) - strings.Count(plain, "\ufffd")
		if got != (put > 0) {
			t.Errorf("%q: %v, and %d put", raw, got, put)
		}
	})
}
