package client

import (
	"bytes"
	"time"
)

// typed is the side of JSON and of Binary, which differ in how ticks come:
//
//	{"op":"subscribe","id":"1","tokens":["A"]} ─▶
//	    ◀─ {"type":"ack","id":"1",…}   ◀─ {"type":"tick","token":"A","seq":42,…}
//	                                   ◀─ 01 07 2a …  (Binary: see BinaryTick)
type typed struct {
	names names
	refs  map[uint64]string // Binary: token by the ref of its ack
	epoch uint64            // µs; of the welcome
}

func (x *typed) parse(p []byte, isText bool) event {
	if !isText {
		return x.record(p)
	}
	if c, ok := cutTick(p); ok {
		return event{kind: eventTick, tick: c.tick(x.names.share(c.token))}
	}
	f, kind := parseFrame(p)
	switch kind {
	case eventTick:
		c := rawTick{snap: f.Type == "snap", seq: f.Seq, ts: f.TS, data: f.Data, ltp: f.LTP}
		return event{kind: eventTick, tick: c.tick(f.Token)}
	case eventWelcome:
		x.epoch = f.Epoch
	case eventAnswer:
		if f.Op == subscribe || f.Op == list {
			x.learn(f.OK)
		}
	}
	return event{kind: kind, f: f}
}

// learn keeps the refs of tokens, and puts their mode as we do.
func (x *typed) learn(ok []Held) {
	for i := range ok {
		x.refs[ok[i].Ref] = ok[i].Token
		if ok[i].Mode == "full" {
			ok[i].Mode = ModeFull
		}
	}
}

// record reads a binary frame. Of a token that no ack has named it is bad.
func (x *typed) record(p []byte) event {
	b, err := ParseBinary(p)
	token, known := x.refs[b.Ref]
	if err != nil || !known || b.Since > numberMax {
		return event{kind: eventBad}
	}
	return event{kind: eventTick, tick: Tick{Token: token, Seq: b.Seq, Snap: b.Snap,
		Time: time.UnixMicro(int64(x.epoch + b.Since)), Priced: true, LTP: b.LTP,
		Quoted: b.Quoted, Bid: b.Bid, Ask: b.Ask}}
}

// A rawTick is a tick or snap in JSON before it has a name.
type rawTick struct {
	snap      bool
	token     []byte
	seq       uint64
	ts        int64
	data, ltp []byte // one of them
}

func (c *rawTick) tick(token string) Tick {
	t := Tick{Token: token, Data: c.data, Seq: c.seq, Time: time.UnixMicro(c.ts), Snap: c.snap}
	if c.data == nil {
		t.Value = c.ltp
		var err error
		t.LTP, err = ParseDecimal(string(c.ltp))
		t.Priced = err == nil
	}
	return t
}

// cutTick is the quick way through a tick written as the server writes it,
//
//	{"type":"tick","token":"A","seq":42,"ts":1764289349123456,"data":{…}}
//
// without a blank or an escape outside its data. All else is for parseFrame.
func cutTick(p []byte) (c rawTick, ok bool) {
	if p, ok = bytes.CutPrefix(p, []byte(`{"type":"tick","token":"`)); !ok {
		if p, ok = bytes.CutPrefix(p, []byte(`{"type":"snap","token":"`)); !ok {
			return c, false
		}
		c.snap = true
	}
	end := bytes.IndexAny(p, "\"\\")
	if end < 0 || p[end] == '\\' {
		return c, false
	}
	c.token, p = p[:end], p[end:]
	if c.seq, p, ok = cutNumber(p, `","seq":`); !ok {
		return c, false
	}
	ts, p, ok := cutNumber(p, `,"ts":`)
	if c.ts = int64(ts); !ok || len(p) == 0 || p[len(p)-1] != '}' {
		return c, false
	}
	p = p[:len(p)-1]
	if data, found := bytes.CutPrefix(p, []byte(`,"data":`)); found {
		c.data = data
		return c, objectEnd(data) == len(data)
	}
	c.ltp, ok = bytes.CutPrefix(p, []byte(`,"ltp":`))
	return c, ok && isNumber(c.ltp)
}

// cutNumber takes a name and a whole number below 2^53 off the front of p.
func cutNumber(p []byte, name string) (n uint64, rest []byte, ok bool) {
	if p, ok = bytes.CutPrefix(p, []byte(name)); !ok {
		return 0, p, false
	}
	i := 0
	for i < len(p) && i < 16 && p[i]-'0' <= 9 {
		n = n*10 + uint64(p[i]-'0')
		i++
	}
	return n, p[i:], i > 0 && (p[0] != '0' || i == 1) && n <= numberMax
}

// objectEnd is the index after the object that p begins with, or -1. It counts
// braces and minds strings: that the rest is JSON the server has seen to.
func objectEnd(p []byte) int {
	if len(p) == 0 || p[0] != '{' {
		return -1
	}
	depth, quoted := 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func isNumber(p []byte) bool {
	for _, c := range p {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			return false
		}
	}
	return len(p) > 0
}
