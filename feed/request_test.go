package feed

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A fakeFeed is a ControlHandler that only remembers.
type fakeFeed struct {
	tokens     []string
	failure    error
	terminated chan struct{}
}

func (f *fakeFeed) AddTokens(tokens []string) error {
	if f.failure == nil {
		f.tokens = append(f.tokens, tokens...)
	}
	return f.failure
}

func (f *fakeFeed) Terminate() { close(f.terminated) }

const refusal = `{"status":false,"error":true,"message":"`

const added = `{"function":"addto_Feed","payload":{"tokens":`

func TestRespond(t *testing.T) {
	ok := `{"status":true,"error":false,"data":`
	for _, c := range []struct{ in, want string }{
		{added + `["NSE:1"]}}`, ok + `["NSE:1"],"message":"Data Received."}`},
		{added + `["A<&>\u0041","A","A"]}}`, `[0]`},
		{added + `["A","B","A"]}}`, ok + `["A","B"],"message":"Data Received."}`},
		{`{"function":"terminate"}`, ok + `[],"message":"Data Received."}`},
		{`{"function":"terminate","payload":7}`, ok + `[],"message":"Data Received."}`},
		{added + `"NSE:1"}}`, "expected a list of names, got a string"},
		{added + `7}}`, "got a number"},
		{added + `null}}`, "got null"},
		{added + `{"a":1}}}`, "got an object"},
		{added + `[]}}`, "empty"},
		{added + `["A",7]}}`, "payload.tokens[1]: expected a name, got a number"},
		{added + `["A",["B"]]}}`, "got a list"},
		{added + `[""]}}`, "name is empty"},
		{added + `["A,B"]}}`, "has , | &"},
		{added + `["A|B"]}}`, "has , | &"},
		{added + `["A&B"]}}`, "has , | &"},
		{added + `[" A"]}}`, "blank"},
		{added + `["A\u0000"]}}`, "unprintable"},
		{added + `["` + strings.Repeat("x", 65) + `"]}}`, "over 64 bytes"},
		{`{"function":"addto_Feed"}`, "payload: expected an object, got nothing"},
		{`{"function":"addto_Feed","payload":[]}`, "got a list"},
		{`{"function":"addto_Feed","payload":{}}`, "got nothing"},
		{`{"function":7}`, "function: expected a string, got a number"},
		{`{"function":"drop"}`, `\"drop\" is unknown; expected addto_Feed or terminate`},
		{`{}`, "function: expected a string, got nothing"},
		{`[]`, "expected a JSON object"},
		{`null`, "expected a JSON object"},
		{``, "expected a JSON object"},
		{`{"function":"terminate"} x`, "expected a JSON object"},
		{"{\"function\":\"\xff\"}", "not UTF-8"},
		{strings.Repeat("[", 20_000), "expected a JSON object"},
	} {
		h := &fakeFeed{}
		reply, end := respond([]byte(c.in), h)
		if !json.Valid(reply) || !strings.Contains(string(reply), c.want) {
			t.Errorf("respond(%.80q) = %s, want %s", c.in, reply, c.want)
		}
		good := strings.HasPrefix(c.want, ok)
		refused := strings.HasPrefix(string(reply), refusal)
		if !good && (!refused || end || len(h.tokens) > 0) {
			t.Errorf("respond(%.80q) = %s, end %v, added %q", c.in, reply, end, h.tokens)
		}
		if good && end != strings.Contains(c.in, "terminate") {
			t.Errorf("respond(%.80q) ends: %v", c.in, end)
		}
	}
	reply, _ := respond([]byte(added+`["A"]}}`), &fakeFeed{failure: ErrReplayAdd})
	if string(reply) != refusal+`a replay publishes only what was recorded"}` {
		t.Errorf("a refusing feed: %s", reply)
	}
}

// FuzzRespond: any bytes get one answer of the contract's form, and what is
// added is what the answer says.
func FuzzRespond(f *testing.F) {
	f.Add([]byte(added + `["A","B"]}}`))
	f.Add([]byte(`{"function":"terminate"}`))
	f.Add([]byte("{\"function\":\"\xff\"}"))
	f.Add([]byte(added + `"A"}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		h := &fakeFeed{}
		reply, end := respond(p, h)
		var a struct {
			Status, Error *bool
			Data          *[]string
			Message       *string
		}
		if err := json.Unmarshal(reply, &a); err != nil || !utf8.Valid(reply) {
			t.Fatalf("%q: %v", reply, err)
		}
		switch {
		case a.Status == nil || a.Error == nil || a.Message == nil || *a.Status == *a.Error:
			t.Fatalf("answer %s", reply)
		case *a.Status && (a.Data == nil || !slices.Equal(*a.Data, h.tokens)):
			t.Fatalf("answer %s, but added %q", reply, h.tokens)
		case *a.Error && (a.Data != nil || len(h.tokens) > 0 || end):
			t.Fatalf("answer %s, added %q, end %v", reply, h.tokens, end)
		}
		_, _, err := parseRequest(p)
		if (err == nil) != *a.Status || err != nil && !errors.Is(err, errRequest) {
			t.Fatalf("answer %s after %v", reply, err)
		}
	})
}
