package proto

import (
	"fmt"
	"math"

	"github.com/valyala/fastjson"
)

// A Verb is what a request of a typed dialect asks for: its op.
type Verb uint8

// The ops.
const (
	VerbSubscribe Verb = iota
	VerbUnsubscribe
	VerbList
	VerbPing
	VerbAuth
	VerbAck
	VerbRoster

	verbs
)

var verbNames = [verbs]string{"subscribe", "unsubscribe", "list", "ping", "auth", "ack", "roster"}

// String is the op as it is on the wire.
func (v Verb) String() string { return verbNames[v] }

// A Mode says how much of its ticks a token is to bring.
type Mode uint8

// The modes.
const (
	ModeFull Mode = iota
	ModePrice
)

// String is the mode as it is on the wire.
func (m Mode) String() string {
	if m == ModePrice {
		return "ltp"
	}
	return "full"
}

// Bounds of a request's fields.
const (
	requestIDBytesMax = 36
	rateMin, rateMax  = 0.1, 1000 // ticks per second
)

// A Request is a request of a typed dialect. Its slices are valid until the parser's
// next request.
type Request struct {
	Verb     Verb
	ID       []byte // JSON, nil = none
	Wishes   []Wish
	All      bool // unsubscribe: every token held
	Mode     Mode
	Snapshot bool
	WindowMs int // of max_rate, 0 = none
	Epoch    int64
	Bearer   string
	Message  uint64 // ack: up to this id
	On       bool   // roster
}

// A Wish is a token that a request names.
type Wish struct {
	Name   []byte
	From   uint64 // resume: the last seq seen
	Resume bool
}

// A Fault is a request that can't be served: a code of the error event and words.
type Fault struct {
	Code    int
	Text    string
	RetryMs int // when to try again; 0 = not said
}

func (f *Fault) Error() string { return "proto: " + f.Text }

func badRequest(format string, args ...any) *Fault {
	return &Fault{Code: CodeBadRequest, Text: fmt.Sprintf(format, args...)}
}

// A RequestParser reads requests of the typed dialects; the zero value is ready. It
// keeps memory of the greatest.
type RequestParser struct {
	json   fastjson.Parser
	id     []byte
	wishes []Wish
}

// Parse reads a request. Its error is a *Fault; the ID is there even then, if it was
// found.
func (x *RequestParser) Parse(p []byte) (req Request, err error) {
	if !isObject(p) {
		return req, badRequest("expected one JSON object, at most %d levels deep", objectDepthMax)
	}
	v, err := x.json.ParseBytes(p)
	if err != nil {
		return req, badRequest("expected one JSON object")
	}
	if req.ID, err = x.parseID(v.Get("id")); err != nil {
		return req, err
	}
	op := v.Get("op")
	if op == nil || op.Type() != fastjson.TypeString {
		return req, badRequest(`expected "op", a string`)
	}
	if err := req.setVerb(op.GetStringBytes()); err != nil {
		return req, err
	}
	switch req.Verb {
	case VerbSubscribe:
		err = x.subscribe(&req, v)
	case VerbUnsubscribe:
		err = x.unsubscribe(&req, v)
	case VerbAuth:
		req.Bearer = string(v.GetStringBytes("bearer"))
		if req.Bearer == "" {
			err = badRequest(`expected "bearer", a string`)
		}
	case VerbAck:
		err = req.message(v.Get("message"))
	case VerbRoster:
		req.On = true
		err = setBool(&req.On, "on", v)
	}
	return req, err
}

func (r *Request) setVerb(op []byte) error {
	for v, name := range verbNames {
		if name == string(op) {
			r.Verb = Verb(v)
			return nil
		}
	}
	shown := appendCut(nil, op, echoBytesMax)
	return &Fault{Code: CodeUnknownOp, Text: "unknown op: " + string(shown)}
}

func (x *RequestParser) parseID(v *fastjson.Value) ([]byte, error) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil, nil
	}
	size := 0
	switch v.Type() {
	case fastjson.TypeString:
		size = len(v.GetStringBytes())
		x.id = AppendString(x.id[:0], v.GetStringBytes())
	case fastjson.TypeNumber:
		x.id = v.MarshalTo(x.id[:0])
		size = len(x.id)
	default:
		size = requestIDBytesMax + 1
	}
	if size > requestIDBytesMax {
		return nil, badRequest(`"id" must be a string or number of at most %d bytes`,
			requestIDBytesMax)
	}
	return x.id, nil
}

func (x *RequestParser) subscribe(req *Request, v *fastjson.Value) error {
	req.Snapshot = true
	if err := setBool(&req.Snapshot, "snapshot", v); err != nil {
		return err
	}
	if m := v.Get("mode"); m != nil && m.Type() != fastjson.TypeNull {
		switch string(m.GetStringBytes()) {
		case "full":
		case "ltp":
			req.Mode = ModePrice
		default:
			return badRequest(`"mode" must be "full" or "ltp"`)
		}
	}
	if err := req.setRate(v.Get("max_rate")); err != nil {
		return err
	}
	x.wishes = x.wishes[:0]
	if err := x.resume(req, v); err != nil {
		return err
	}
	if tokens := v.Get("tokens"); tokens != nil {
		if err := x.names(tokens); err != nil {
			return err
		}
	}
	if len(x.wishes) == 0 {
		return badRequest(`no tokens: expected "tokens", an array of names`)
	}
	req.Wishes = x.wishes
	return nil
}

// setBool sets a field that may be left out.
func setBool(to *bool, name string, v *fastjson.Value) error {
	f := v.Get(name)
	if f == nil || f.Type() == fastjson.TypeNull {
		return nil
	}
	on, err := f.Bool()
	if err != nil {
		return badRequest("%q must be true or false", name)
	}
	*to = on
	return nil
}

// message reads an id of a message: a number, or its digits.
func (r *Request) message(v *fastjson.Value) error {
	var p []byte
	if v != nil {
		switch v.Type() {
		case fastjson.TypeNumber:
			p = v.MarshalTo(nil)
		case fastjson.TypeString:
			p = v.GetStringBytes()
		}
	}
	id, ok := ParseID(p)
	if !ok {
		return badRequest(`expected "message", the id of one`)
	}
	r.Message = id
	return nil
}

func (r *Request) setRate(v *fastjson.Value) error {
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil
	}
	rate, err := v.Float64()
	switch {
	case err == nil && rate == 0:
	case err == nil && rate >= rateMin && rate <= rateMax:
		r.WindowMs = int(math.Ceil(1000/rate - 0.01)) // list tells it in seven digits
	default:
		return badRequest(`"max_rate" must be %v to %v per second, or 0 for none`, rateMin, rateMax)
	}
	return nil
}

// resume reads "epoch" and "from", whose names come before those of "tokens".
func (x *RequestParser) resume(req *Request, v *fastjson.Value) error {
	from := v.Get("from")
	if from == nil {
		return nil
	}
	seen, err := from.Object()
	if err != nil {
		return badRequest(`"from" must be an object: token to last seq seen`)
	}
	epoch := v.Get("epoch")
	if epoch == nil || epoch.Type() != fastjson.TypeNumber {
		return badRequest(`"from" needs "epoch", the number that welcome told`)
	}
	if req.Epoch, err = epoch.Int64(); err != nil {
		return badRequest(`"epoch" must be the number that welcome told`)
	}
	seen.Visit(func(name []byte, seq *fastjson.Value) {
		w := Wish{Name: name, Resume: true}
		var bad error
		if w.From, bad = seq.Uint64(); bad != nil {
			err = badRequest(`"from" must have whole numbers`)
		}
		x.wishes = append(x.wishes, w)
	})
	return err
}

func (x *RequestParser) names(v *fastjson.Value) error {
	list, err := v.Array()
	if err != nil {
		return badRequest(`"tokens" must be an array of names`)
	}
	for _, name := range list {
		if name.Type() != fastjson.TypeString {
			return badRequest(`"tokens" must be an array of names`)
		}
		x.wishes = append(x.wishes, Wish{Name: name.GetStringBytes()})
	}
	return nil
}

func (x *RequestParser) unsubscribe(req *Request, v *fastjson.Value) error {
	tokens := v.Get("tokens")
	switch {
	case tokens == nil:
		return badRequest(`no tokens: expected "tokens", an array of names, or "*"`)
	case string(tokens.GetStringBytes()) == "*":
		req.All = true
		return nil
	}
	x.wishes = x.wishes[:0]
	if err := x.names(tokens); err != nil {
		return err
	}
	if req.Wishes = x.wishes; len(x.wishes) == 0 {
		return badRequest(`no tokens: expected "tokens", an array of names, or "*"`)
	}
	return nil
}
