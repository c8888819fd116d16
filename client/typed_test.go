package client

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

func newTyped(t *testing.T) *typed {
	w, err := newWire(JSON, MessagesDefault)
	if err != nil {
		t.Fatal(err)
	}
	return w.(*typed)
}

func TestTypedTicks(t *testing.T) {
	const ts = `"ts":1764289349123456`
	tests := []struct {
		in    string
		quick bool
		want  Tick
	}{
		{`{"type":"tick","token":"A","seq":42,` + ts + `,"data":{"ltp":1.50, "x":"}\"{"}}`, true,
			Tick{Token: "A", Seq: 42, Data: []byte(`{"ltp":1.50, "x":"}\"{"}`)}},
		{`{"type":"snap","token":"A & é","seq":0,` + ts + `,"data":{}}`, true,
			Tick{Token: "A & é", Snap: true, Data: []byte(`{}`)}},
		{`{"type":"tick","token":"A","seq":42,` + ts + `,"ltp":123.450}`, true,
			Tick{Token: "A", Seq: 42, Value: []byte("123.450"), Priced: true, LTP: Decimal{123450, -3}}},
		{`{"type":"tick","token":"A","seq":42,` + ts + `,"ltp":null}`, false,
			Tick{Token: "A", Seq: 42, Value: []byte("null")}},
		{`{"type":"tick","token":"A","seq":42,` + ts + `,"ltp":"1.5"}`, false,
			Tick{Token: "A", Seq: 42, Value: []byte(`"1.5"`)}},
		{`{"type":"tick","token":"a\"b","seq":42,` + ts + `,"data":{"a":1}}`, false,
			Tick{Token: `a"b`, Seq: 42, Data: []byte(`{"a":1}`)}},
		{`{ "seq":42,"data": {"a": {}},"token":"A","type":"tick",` + ts + `,"new":1}`, false,
			Tick{Token: "A", Seq: 42, Data: []byte(`{"a": {}}`)}},
		{`{"type":"tick","token":"A","seq":42,` + ts + `,"data":{"a":1},"new":{}}`, false,
			Tick{Token: "A", Seq: 42, Data: []byte(`{"a":1}`)}},
	}
	for _, tt := range tests {
		e := newTyped(t).parse([]byte(tt.in), true)
		got := e.tick
		if e.kind != eventTick || got.Token != tt.want.Token || got.Seq != tt.want.Seq ||
			got.Snap != tt.want.Snap || !bytes.Equal(got.Data, tt.want.Data) ||
			!bytes.Equal(got.Value, tt.want.Value) || got.Priced != tt.want.Priced ||
			got.LTP != tt.want.LTP || got.Time != time.UnixMicro(1764289349123456) {
			t.Errorf("%s: %+v", tt.in, e)
		}
		if _, quick := cutTick([]byte(tt.in)); quick != tt.quick {
			t.Errorf("%s: quick is %v", tt.in, quick)
		}
	}
}

func TestTypedFrames(t *testing.T) {
	tests := map[string]eventKind{
		`{"type":"welcome","epoch":7,"limits":{"tokens":1,"more":2}}`:     eventWelcome,
		`{"type":"ack","id":"r","op":"list","ok":[],"failed":[]}`:         eventAnswer,
		`{"type":"ack","op":"list","ok":null}`:                            eventAnswer,
		`{"type":"error","id":7,"code":107,"error":"no"}`:                 eventAnswer,
		`{"type":"hb","ts":1,"sum":1,"pending":0,"age_ms":null}`:          eventBeat,
		`{"type":"gap","token":"A","from":1,"to":-1,"reason":"epoch"}`:    eventGap,
		`{"type":"skip","token":"A","count":3,"seq":46}`:                  eventSkip,
		`{"type":"drain","reconnect_after_ms":4200.5,"deadline_ms":4200}`: eventDrain,
		`{"type":"msg","id":1,"from":"bob","kind":"x"}`:                   eventMessage,
		`{"type":"gap","dropped":12}`:                                     eventGap,
		`{"type":"roster","clients":[],"more":false,"total":1}`:           eventRoster,
		`{"type":"presence","client":"a","online":true,"ts":1}`:           eventPresence,
		`{"type":"msg","id":1,"from":7,"kind":"x"}`:                       eventBad,
		`{"type":"new"}`:                       eventNone,
		`{"type":"gap","from":"bob"}`:          eventBad,
		`{"type":"hb","sum":-1}`:               eventBad,
		`{"type":7}`:                           eventBad,
		`{}`:                                   eventBad,
		`[]`:                                   eventBad,
		`{"type":"hb"`:                         eventBad,
		``:                                     eventBad,
		`{"type":"tick","token":"A","seq":-1}`: eventBad,
	}
	for in, want := range tests {
		if e := newTyped(t).parse([]byte(in), true); e.kind != want {
			t.Errorf("%s: kind %d, want %d", in, e.kind, want)
		}
	}
	if e := newTyped(t).parse([]byte("\x81\x00\x01\x01\x00\x02"), false); e.kind != eventBad {
		t.Error("a record of a token without ack is taken")
	}
}

func TestTypedRequests(t *testing.T) {
	tests := []struct {
		r    request
		want string
	}{
		{request{verb: subscribe, tokens: []string{"A", `b"\`}},
			`{"op":"subscribe","id":"7","tokens":["A","b\"\\"]}`},
		{request{verb: subscribe, tokens: []string{"A"}, o: SubscribeOptions{ModeLTP, 0.5, true}},
			`{"op":"subscribe","id":"7","mode":"ltp","max_rate":0.5,"snapshot":false,"tokens":["A"]}`},
		{request{verb: subscribe, tokens: []string{"A", "B"}, epoch: 9, from: []uint64{41, 0}},
			`{"op":"subscribe","id":"7","epoch":9,"from":{"A":41,"B":0}}`},
		{request{verb: unsubscribe, tokens: []string{"A"}}, `{"op":"unsubscribe","id":"7","tokens":["A"]}`},
		{request{verb: unsubscribe, tokens: []string{"A"}, all: true},
			`{"op":"unsubscribe","id":"7","tokens":"*"}`},
		{request{verb: list}, `{"op":"list","id":"7"}`},
		{request{verb: renew, bearer: "x.y"}, `{"op":"auth","id":"7","bearer":"x.y"}`},
		{request{verb: acknowledge, message: 9}, `{"op":"ack","id":"7","message":9}`},
		{request{verb: roster}, `{"op":"roster","id":"7","on":false}`},
	}
	for _, tt := range tests {
		tt.r.id = "7"
		got := newTyped(t).appendRequest(nil, &tt.r)
		if string(got) != tt.want || !json.Valid(got) {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func TestTypedAllocs(t *testing.T) {
	x := newTyped(t)
	x.refs[7] = "A"
	record := appendBinary(nil, BinaryTick{Quoted: true, Ref: 7, Seq: 42, LTP: Decimal{1, -2}})
	frame := []byte(`{"type":"tick","token":"A","seq":42,"ts":1,"data":{"ltp":1.5}}`)
	x.parse(frame, true)
	if n := testing.AllocsPerRun(100, func() { x.parse(frame, true); x.parse(record, false) }); n != 0 {
		t.Errorf("%v allocations for a tick of a known token", n)
	}
}

// The quick way through a tick finds what the whole parse finds, wherever the
// frame is JSON at all; and nothing makes either fail otherwise.
func FuzzTyped(f *testing.F) {
	f.Add([]byte(`{"type":"tick","token":"A","seq":42,"ts":17,"data":{"ltp":1}}`))
	f.Add([]byte(`{"type":"snap","token":"A","seq":42,"ts":17,"ltp":-1.5e3}`))
	f.Add([]byte(`{"type":"msg","id":7,"from":"a","ts":7,"encoding":"base64","content":"AP8="}`))
	f.Add([]byte(`{"type":"roster","clients":[{"client":"a","since":null}],"more":true}`))
	f.Add([]byte(`{"type":"ack","id":"1","ok":[{"token":"A","ref":7,"seq":1}]}`))
	f.Add([]byte(`{"type":"tick","token":"A","seq":42,"ts":17,"data":{"a":"\u007d"},"data":{}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		x := &typed{names: names{}, refs: map[uint64]string{}}
		x.parse(p, false)
		e := x.parse(p, true)
		if e.kind == eventMessage {
			if m, ok := e.f.message(); ok && (m.ID == 0 || m.From == "") {
				t.Fatalf("%s: %+v", p, m)
			}
		}
		c, quick := cutTick(p)
		if !quick || !json.Valid(p) {
			return
		}
		whole, kind := parseFrame(p)
		if kind != eventTick || e.kind != eventTick || e.tick.Token != whole.Token ||
			c.seq != whole.Seq || c.ts != whole.TS || c.snap != (whole.Type == "snap") ||
			!bytes.Equal(c.data, whole.Data) || !bytes.Equal(c.ltp, whole.LTP) {
			t.Fatalf("%s: quick %+v, whole %+v", p, c, whole)
		}
	})
}
