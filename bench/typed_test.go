package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"azira/proto"
)

// tickOf is a tick as the feed has it.
func tickOf(token, n uint32) []byte { return appendTick(nil, tick{token, n, 100}, 20_000) }

// typedEvent is a tick or snapshot as the server writes it.
func typedEvent(e proto.Encoding, token uint32, seq uint64, snap bool) []byte {
	p, _ := e.Append(nil, &proto.Record{Token: string(tokenName(int(token))), Ref: token + 7, Seq: seq,
		TS: 1_000_250, Epoch: 1_000_000, Snap: snap, Data: tickOf(token, uint32(seq))})
	return p
}

// ackOf is an ack of tokens that begin after seq.
func ackOf(seq uint64, tokens ...uint32) []byte {
	p := proto.AppendAckHead(nil, nil, proto.VerbSubscribe)
	for _, t := range tokens {
		p = proto.AppendAckHeld(p, string(tokenName(int(t))), t+7, seq)
	}
	return proto.AppendAckEnd(proto.AppendAckTurn(p), len(tokens), 3000, false)
}

func beatOf(sum, pending uint64) []byte {
	return proto.AppendBeat(nil, &proto.Beat{TS: 5, Sum: sum, Pending: pending, Feed: "live"})
}

// What the server writes is read as it was meant, and nothing else is.
func TestParseTyped(t *testing.T) {
	for _, e := range []proto.Encoding{proto.EncodingJSON, proto.EncodingJSONPrice} {
		for _, snap := range []bool{false, true} {
			p := typedEvent(e, 3, 42, snap)
			tk, ok := parseTypedTick(p)
			if !ok || tk.token != 3 || tk.seq != 42 || tk.ts != 1_000_250 || tk.snap != snap ||
				(tk.data != nil) == (tk.price != nil) || tk.data != nil && !bytes.Equal(tk.data, tickOf(3, 42)) {
				t.Errorf("%s: %+v %v", p, tk, ok)
			}
			for i := range p {
				if tk, ok := parseTypedTick(p[:i]); ok && i < len(p)-2 {
					t.Errorf("%s: %+v", p[:i], tk)
				}
			}
		}
	}
	if s, ok := parseTypedSkip(proto.AppendSkip(nil, "NSE:100003", 2, 9)); !ok || s != (typedSkip{3, 2, 9}) {
		t.Error(s, ok)
	}
	if g, ok := parseTypedGap(proto.AppendGap(nil, "NSE:100003", 2, 9, proto.GapRing)); !ok || g != (typedGap{3, 2, 9}) {
		t.Error(g, ok)
	}
	if sum, pending, ok := parseBeat(beatOf(7, 2)); !ok || sum != 7 || pending != 2 {
		t.Error(sum, pending, ok)
	}
	var got []ackedToken
	more, ok := parseAck(ackOf(5, 1, 2), func(a ackedToken) { got = append(got, a) })
	if more || !ok || !slices.Equal(got, []ackedToken{{1, 8, 5}, {2, 9, 5}}) {
		t.Error(got, more, ok)
	}
	for _, bad := range []string{"", "{}", `{"type":"ack","op":"subscribe","ok":[],"failed":[{"token":"X"}],"count":0,"limit":1}`,
		`{"type":"ack","op":"subscribe","ok":[{"token":"NSE:1","ref":1,"seq":1}],"failed":[],"count":0,"limit":1}`} {
		if _, ok := parseAck([]byte(bad), func(ackedToken) {}); ok {
			t.Error(bad)
		}
	}
}

// typedMember is a checker with one member that holds tokens 1 and 2 from seq 5 on.
func typedMember(price bool) (*checker, *member) {
	c, m := &checker{priceAlone: price, ahead: 1_000_000, epoch: 1_000_000}, &member{}
	c.join(m, []uint32{1, 2})
	m.state = memberOpen
	if c.ack(m, ackOf(5, 1, 2)) {
		m.state = memberHeard
	}
	return c, m
}

// A stream in order is without fault, in every dialect, and proved.
func TestTypedChecker(t *testing.T) {
	for _, e := range []proto.Encoding{proto.EncodingJSON, proto.EncodingJSONPrice, proto.EncodingBinary,
		proto.EncodingBinaryPrice} {
		c, m := typedMember(e == proto.EncodingJSONPrice || e == proto.EncodingBinaryPrice)
		give := func(token uint32, seq uint64, snap bool) {
			p := typedEvent(e, token, seq, snap)
			if e == proto.EncodingBinary || e == proto.EncodingBinaryPrice {
				c.takeBinary(m, p, 400)
			} else {
				c.event(m, p, 400)
			}
		}
		give(1, 5, true)
		give(1, 6, false)
		c.event(m, beatOf(11, 0), 400)
		c.event(m, proto.AppendSkip(nil, "NSE:100002", 2, 8), 400)
		give(2, 8, false)
		c.event(m, proto.AppendGap(nil, "NSE:100001", 7, 9, proto.GapRing), 400)
		give(1, 10, true)
		c.event(m, beatOf(20, 2), 400)
		c.event(m, proto.AppendDrain(nil, 1, 2), 400)
		y := c.end([]member{*m})
		if y.Faults != (Faults{}) || y.Told != (Told{Proved: 2, Skipped: 2, Gaps: 1, Gapped: 3}) || y.Frames != 2 {
			t.Errorf("%v: %+v", e, y)
		}
		late := uint64(150) // since the server took it in
		if e == proto.EncodingJSON {
			late = 300 // since it was to be sent
		}
		if y.Latency.Max != late {
			t.Errorf("%v: late by %d µs", e, y.Latency.Max)
		}
	}
}

// A giver hands one frame to a member.
type giver func(c *checker, m *member)

func giveEvent(p []byte) giver { return func(c *checker, m *member) { c.event(m, p, 400) } }

func giveBinary(p []byte) giver { return func(c *checker, m *member) { c.takeBinary(m, p, 400) } }

func giveTick(token uint32, seq uint64) giver {
	return giveEvent(typedEvent(proto.EncodingJSON, token, seq, false))
}

func giveSkip(count, seq uint64) giver {
	return giveEvent(proto.AppendSkip(nil, "NSE:100001", count, seq))
}

var recordOfOne = typedEvent(proto.EncodingBinary, 1, 6, false)

// typedFaults are frames to a member that has tokens 1 and 2 up to seq 5.
var typedFaults = map[string]struct {
	give giver
	want Faults
}{
	"lost":            {giveTick(1, 8), Faults{Untold: 2}},
	"lost snapshot":   {giveEvent(typedEvent(proto.EncodingJSON, 1, 8, true)), Faults{Untold: 2}},
	"doubled":         {giveTick(1, 5), Faults{Doubled: 1}},
	"order":           {giveTick(1, 4), Faults{Order: 1}},
	"foreign":         {giveTick(3, 1), Faults{Foreign: 1}},
	"sum too great":   {giveEvent(beatOf(11, 0)), Faults{Unproved: 1}},
	"sum too small":   {giveEvent(beatOf(9, 0)), Faults{Unproved: 1}},
	"pending":         {giveEvent(beatOf(10, 1)), Faults{Unproved: 1}},
	"skip too short":  {giveSkip(1, 8), Faults{Odd: 1}},
	"skip backwards":  {giveSkip(0, 5), Faults{Odd: 1}},
	"foreign skip":    {giveEvent(proto.AppendSkip(nil, "NSE:100003", 1, 2)), Faults{Foreign: 1}},
	"gap elsewhere":   {giveEvent(proto.AppendGap(nil, "NSE:100001", 8, 9, proto.GapRing)), Faults{Odd: 1}},
	"foreign gap":     {giveEvent(proto.AppendGap(nil, "NSE:100003", 1, 9, proto.GapRing)), Faults{Foreign: 1}},
	"price alone":     {giveEvent(typedEvent(proto.EncodingJSONPrice, 1, 6, false)), Faults{Odd: 1}},
	"no price":        {giveBinary(typedEvent(proto.EncodingBinaryPrice, 1, 6, false)), Faults{Odd: 1}},
	"other ref":       {giveBinary(typedEvent(proto.EncodingBinary, 3, 6, false)), Faults{Foreign: 1}},
	"cut record":      {giveBinary(recordOfOne[:len(recordOfOne)-1]), Faults{Odd: 1}},
	"other price":     {giveBinary(append(slices.Clone(recordOfOne[:len(recordOfOne)-1]), 12)), Faults{Odd: 1}},
	"error":           {giveEvent(proto.AppendError(nil, nil, 107, "no", 0)), Faults{Odd: 1}},
	"text of another": {giveEvent(tickOf(1, 6)), Faults{Odd: 1}},
	"data of another": {giveEvent(bytes.Replace(typedEvent(proto.EncodingJSON, 1, 6, false), tokenName(1), tokenName(2), 1)), Faults{Odd: 1}},
	"another epoch":   {func(c *checker, m *member) { fault(c, c.welcome([]byte(`{"epoch":0,"epoch":7}`))) }, Faults{Odd: 1}},
	"other baseline":  {func(c *checker, m *member) { m.resuming = true; c.ack(m, ackOf(6, 1)) }, Faults{Odd: 1}},
	"ref of another": {func(c *checker, m *member) {
		c.ack(m, bytes.Replace(ackOf(5, 1), []byte(`"ref":8`), []byte(`"ref":9`), 1))
	}, Faults{Odd: 1}},
	"foreign ack":      {func(c *checker, m *member) { c.ack(m, ackOf(6, 3)) }, Faults{Foreign: 1}},
	"refused":          {func(c *checker, m *member) { c.ack(m, []byte(`{"type":"ack"}`)) }, Faults{Odd: 1}},
	"tick before ack":  {func(c *checker, m *member) { m.state = memberOpen; giveTick(1, 6)(c, m) }, Faults{Odd: 1}},
	"proof before ack": {func(c *checker, m *member) { m.state = memberOpen; c.event(m, beatOf(10, 0), 0) }, Faults{Unproved: 1}},
}

// Each fault of a typed stream is named for what it is.
func TestTypedFaults(t *testing.T) {
	for name, x := range typedFaults {
		c, m := typedMember(false)
		if c.tally.Faults != (Faults{}) {
			t.Fatalf("%+v", c.tally.Faults)
		}
		x.give(c, m)
		got := c.tally.Faults
		if got.First == "" || got.wrong() == 0 {
			t.Errorf("%s: no words: %+v", name, got)
		}
		if got.First = ""; got != x.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func fault(c *checker, err error) {
	if err != nil {
		c.odd("%v", err)
	}
}

// Ticks cost no allocations: a swarm takes millions.
func TestTypedAllocs(t *testing.T) {
	c, m := typedMember(false)
	beat := beatOf(10, 0)
	p, b := typedEvent(proto.EncodingJSON, 1, 6, false), typedEvent(proto.EncodingBinary, 2, 6, false)
	c.event(m, typedEvent(proto.EncodingJSON, 2, 6, false), 0) // which grows the window's tables
	for name, give := range map[string]func(){
		"JSON":      func() { c.event(m, p, 0) },
		"binary":    func() { c.takeBinary(m, b, 0) },
		"heartbeat": func() { c.event(m, beat, 0) },
	} {
		n := testing.AllocsPerRun(100, func() {
			for i := range c.table(m) {
				c.table(m)[i].last = min(c.table(m)[i].last, 5)
			}
			give()
		})
		if n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
	if c.tally.Faults != (Faults{}) {
		t.Errorf("%+v", c.tally.Faults)
	}
}

// Requests are what the server understands.
func TestTypedRequests(t *testing.T) {
	var parser proto.RequestParser
	payload := func(p []byte) []byte { return p[2+4 : 2+4+int(p[1]&^maskBit)] }
	req, err := parser.Parse(payload(appendSubscribe(nil, dialectJSONPrice, []uint32{1, 2})))
	if err != nil || req.Mode != proto.ModePrice || len(req.Wishes) != 2 || string(req.Wishes[1].Name) != "NSE:100002" {
		t.Errorf("%+v %v", req, err)
	}
	c, m := typedMember(false)
	p := appendResume(nil, dialectBinary, 77, c.table(m))
	first := payload(p)
	req, err = parser.Parse(first)
	if err != nil || req.Mode != proto.ModeFull || req.Epoch != 77 || len(req.Wishes) != 2 ||
		!req.Wishes[0].Resume || req.Wishes[0].From != 5 {
		t.Errorf("%s: %+v %v", first, req, err)
	}
	if ping := string(payload(p[2+4+len(first):])); ping != `{"op":"ping"}` {
		t.Error(ping)
	}
}

func FuzzTyped(f *testing.F) {
	for _, p := range [][]byte{typedEvent(proto.EncodingJSON, 1, 6, false), beatOf(10, 0), ackOf(5, 1, 2),
		typedEvent(proto.EncodingBinary, 2, 6, false), proto.AppendSkip(nil, "NSE:100001", 2, 8)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		c, m := typedMember(false)
		c.event(m, p, 0)
		c.takeBinary(m, p, 0)
		c.ack(m, p)
		fault(c, c.welcome(p))
		if strings.Contains(c.tally.Faults.First, "%!") || len(c.refs) > refsMax {
			t.Error(c.tally.Faults.First)
		}
	})
}
