package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"azira/proto"
)

// A ControlHandler does what control requests ask for. It is called from any
// number of goroutines.
type ControlHandler interface {
	// AddTokens takes new tokens into the feed: checked names, none of them
	// twice. An error is told to the peer; then none was added.
	AddTokens(tokens []string) error
	// Terminate asks the feed to stop. It is called after the answer was sent.
	Terminate()
}

// An answer is what every request gets. Data is the list of tokens that were
// added, those known before among them; it is there on success only.
type answer struct {
	Status  bool     `json:"status"`
	Error   bool     `json:"error"`
	Data    []string `json:"data,omitzero"`
	Message string   `json:"message"`
}

const requestExample = `{"function":"addto_Feed","payload":{"tokens":["NSE:1"]}}`

// respond does what a request asks for and makes its answer, whatever the bytes;
// end says that the feed is to stop once the answer is sent.
func respond(request []byte, h ControlHandler) (reply []byte, end bool) {
	tokens, end, err := parseRequest(request)
	if err == nil && !end {
		err = h.AddTokens(tokens)
	}
	if err != nil {
		return refuse(err), false
	}
	return encode(answer{Status: true, Data: tokens, Message: "Data Received."}), end
}

// refuse makes the answer of a request that failed.
func refuse(err error) []byte {
	text := err.Error()
	text = strings.TrimPrefix(text, errRequest.Error()+": ")
	return encode(answer{Error: true, Message: strings.TrimPrefix(text, "feed: ")})
}

func encode(a answer) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // names and messages are read by people
	if err := enc.Encode(a); err != nil {
		panic("feed: an answer that is no JSON: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// parseRequest reads a request: the tokens to add, or the end.
func parseRequest(request []byte) (tokens []string, end bool, err error) {
	var r struct {
		Function json.RawMessage `json:"function"`
		Payload  json.RawMessage `json:"payload"`
	}
	if !utf8.Valid(request) {
		return nil, false, badRequest("not UTF-8; expected JSON like %s", requestExample)
	}
	if json.Unmarshal(request, &r) != nil || kindOf(request) != "an object" {
		return nil, false, badRequest("expected a JSON object like %s", requestExample)
	}
	var function string
	if kindOf(r.Function) != "a string" || json.Unmarshal(r.Function, &function) != nil {
		return nil, false, badRequest("function: expected a string, got %s", kindOf(r.Function))
	}
	switch function {
	case "addto_Feed":
		tokens, err = parseTokens(r.Payload)
		return tokens, false, err
	case "terminate":
		return []string{}, true, nil
	}
	return nil, false, badRequest("function %.40q is unknown; expected addto_Feed or terminate",
		function)
}

func parseTokens(payload json.RawMessage) ([]string, error) {
	var p struct {
		Tokens json.RawMessage `json:"tokens"`
	}
	if kindOf(payload) != "an object" || json.Unmarshal(payload, &p) != nil {
		return nil, badRequest("payload: expected an object, got %s", kindOf(payload))
	}
	var items []json.RawMessage
	if kindOf(p.Tokens) != "a list" || json.Unmarshal(p.Tokens, &items) != nil {
		return nil, badRequest("payload.tokens: expected a list of names, got %s", kindOf(p.Tokens))
	}
	if len(items) == 0 {
		return nil, badRequest("payload.tokens: the list is empty")
	}
	tokens := make([]string, 0, len(items))
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		var name string
		if kindOf(item) != "a string" || json.Unmarshal(item, &name) != nil {
			return nil, badRequest("payload.tokens[%d]: expected a name, got %s", i, kindOf(item))
		}
		if err := proto.CheckToken([]byte(name)); err != nil {
			return nil, badRequest("payload.tokens[%d] %.64q: %s", i, name,
				strings.TrimPrefix(err.Error(), "proto: "))
		}
		if !seen[name] {
			seen[name] = true
			tokens = append(tokens, name)
		}
	}
	return tokens, nil
}

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRequest, fmt.Sprintf(format, args...))
}

// kindOf names the kind of a JSON value for a message.
func kindOf(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
