package proto

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"testing"
)

// A vector is one binary record with what it says; the decoders of all clients run the
// same file.
type vector struct {
	Name, Hex     string
	Error         bool
	Epoch         int64
	Kind          string
	Ref           uint32
	Seq           uint64
	TS            int64
	LTP, Bid, Ask *string
}

func TestBinaryVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/binary.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(file, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			p, err := hex.DecodeString(v.Hex)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseBinary(p, v.Epoch)
			if (err != nil) != v.Error {
				t.Fatalf("error %v", err)
			}
			if v.Error {
				return
			}
			if got.Snap != (v.Kind == "snap") || got.Ref != v.Ref || got.Seq != v.Seq ||
				got.TS != v.TS || got.Quoted != (v.Bid != nil) {
				t.Errorf("got %+v", got)
			}
			sameNumber(t, got.LTP, *v.LTP)
			if v.Bid != nil {
				sameNumber(t, got.Bid, *v.Bid)
				sameNumber(t, got.Ask, *v.Ask)
			}
		})
	}
}

func sameNumber(t *testing.T, d Decimal, want string) {
	t.Helper()
	a, okA := new(big.Rat).SetString(d.String())
	b, okB := new(big.Rat).SetString(want)
	if !okA || !okB || a.Cmp(b) != 0 {
		t.Errorf("%+v is %s, want %s", d, d, want)
	}
}

// TestDecimal compares ParseDecimal with exact arithmetic of the library.
func TestDecimal(t *testing.T) {
	for _, s := range []string{"0", "-0", "1", "-1", "12.50", "0.00000001", "1e5", "1E-5", "-2.5e+3",
		"922337203685477580", "0.10", "123456789.987654321", "5e-128"} {
		d, ok := ParseDecimal([]byte(s))
		if !ok {
			t.Errorf("%s is no decimal", s)
			continue
		}
		sameNumber(t, d, s)
	}
	for _, s := range []string{"", "-", "1.", ".5", "01", "1e", "x", "null", `"1"`, "1 ", "NaN",
		"99999999999999999999", "1e2000", "1e99999999999999999999"} {
		if d, ok := ParseDecimal([]byte(s)); ok {
			t.Errorf("%q is %+v", s, d)
		}
	}
}

// FuzzDecimal holds that a number is exactly what it was read as, or refused.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"1.5", "-0.001e7", "9223372036854775807", "1e-1000", "0e500"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		d, ok := ParseDecimal(p)
		if !ok {
			return
		}
		if !json.Valid(p) {
			t.Fatalf("%q is no number", p)
		}
		sameNumber(t, d, string(p))
	})
}

// TestEncodings holds the exact form of each encoding.
func TestEncodings(t *testing.T) {
	data := `{"token":"NSE:1","ltp":123.45,"bestbidprice":123.40,"bestaskprice":123.5,"x":{"ltp":1}}`
	r := Record{Token: "NSE:1", Ref: 7, Seq: 42, TS: 1764289349123456, Epoch: 1764289349000000,
		Data: []byte(data)}
	head := `,"token":"NSE:1","seq":42,"ts":1764289349123456,`
	for e, want := range map[Encoding]string{
		EncodingText:        data,
		EncodingJSON:        `{"type":"tick"` + head + `"data":` + data + `}`,
		EncodingJSONPrice:   `{"type":"tick"` + head + `"ltp":123.45}`,
		EncodingBinary:      "\x01\x07\x2a\xc0\xc4\x07\xfe\xf2\xc0\x01\x09\x0a",
		EncodingBinaryPrice: "\x81\x07\x2a\xc0\xc4\x07\xfe\xf2\xc0\x01",
	} {
		if got, _ := e.Append(nil, &r); string(got) != want {
			t.Errorf("%v: %q, want %q", e, got, want)
		}
	}
	r.Snap = true
	if got, _ := EncodingJSONPrice.Append(nil, &r); !bytes.HasPrefix(got, []byte(`{"type":"snap"`+head)) {
		t.Errorf("snap: %s", got)
	}
}

// TestNoBinaryForm holds which ticks come as JSON in the binary dialect.
func TestNoBinaryForm(t *testing.T) {
	for data, form := range map[string][2]bool{ // whole, last price alone
		`{}`:                                {false, false},
		`{"ltp":null}`:                      {false, false},
		`{"ltp":"1.5"}`:                     {false, false},
		`{"ltp":1.5}`:                       {true, true},
		`{"ltp":1.5,"bestbidprice":1}`:      {false, true},
		`{"ltp":1.5,"bestaskprice":1}`:      {false, true},
		`{"ltp":1e300}`:                     {false, false},
		`{"ltp":99999999999999999999}`:      {false, false},
		`{"ltp":1e-120}`:                    {true, true},
		`{"ltp":1e-130}`:                    {false, false},
		`{"ltp":"x","ltp":2}`:               {true, true},
		`{"x":[{"ltp":1}],"y":"\"ltp\":2"}`: {false, false},
		`{"ltp":9e18,"bestbidprice":-9e18,"bestaskprice":0}`:                               {false, true},
		`{"ltp":9000000000000000000,"bestbidprice":-9000000000000000000,"bestaskprice":0}`: {false, true},
		`{"ltp":1e18,"bestbidprice":0.01,"bestaskprice":1}`:                                {false, true},
		` { "bestbidprice" : 1 , "ltp" : 2 , "bestaskprice" : 3 } `:                        {true, true},
		`{"ltp":1,"bestbidprice":null,"bestaskprice":null}`:                                {false, true},
	} {
		r := Record{Token: "A", Data: []byte(data)}
		for i, e := range []Encoding{EncodingBinary, EncodingBinaryPrice} {
			r.found = false
			p, op := e.Append(nil, &r)
			if (op == OpBinary) != form[i] || op == OpText && !json.Valid(p) {
				t.Errorf("%s as %v: op %v, %q", data, e, op, p)
			}
		}
	}
	old := Record{Token: "A", TS: 5, Epoch: 6, Data: []byte(`{"ltp":1}`)}
	if _, op := EncodingBinary.Append(nil, &old); op != OpText {
		t.Error("a tick of before the epoch has a binary form")
	}
}

// FuzzEncodings holds for every tick that the feed lets through: the JSON forms are
// JSON and say what was said, and what is binary is read back exactly.
func FuzzEncodings(f *testing.F) {
	f.Add("NSE:1", []byte(`{"ltp":123.45,"bestbidprice":123.40,"bestaskprice":123.5}`), uint64(1), uint32(5))
	f.Add(`a"b\`, []byte(`{"ltp":-1e-7}`), uint64(1<<40), uint32(99999))
	f.Add("é", []byte(`{"ltp":"x"}`), uint64(0), uint32(0))
	f.Fuzz(func(t *testing.T, token string, data []byte, seq uint64, ref uint32) {
		if CheckTick([]byte(token), data) != nil {
			return
		}
		const epoch = 1764289349000000
		r := Record{Token: token, Ref: ref, Seq: seq >> 11, TS: epoch + int64(ref), Epoch: epoch, Data: data}
		for e := EncodingJSON; e < Encodings; e++ {
			p, op := e.Append(nil, &r)
			if op == OpText {
				var v struct {
					Token     string
					Seq       uint64
					Data, LTP json.RawMessage
				}
				if err := json.Unmarshal(p, &v); err != nil || v.Token != token || v.Seq != r.Seq {
					t.Fatalf("%v: %v in %q", e, err, p)
				}
				continue
			}
			b, err := ParseBinary(p, epoch)
			if err != nil || b.Ref != ref || b.Seq != r.Seq || b.TS != r.TS {
				t.Fatalf("%v: %v in %x: %+v", e, err, p, b)
			}
			sameNumber(t, b.LTP, string(r.prices().ltp))
			if b.Quoted {
				sameNumber(t, b.Bid, string(r.prices().bid))
				sameNumber(t, b.Ask, string(r.prices().ask))
			}
		}
	})
}

// FuzzBinary holds that whatever is accepted is the only record that says so.
func FuzzBinary(f *testing.F) {
	f.Add([]byte("\x01\x07\x2a\xc0\xc4\x07\xfe\xf2\xc0\x01\x09\x0a"))
	f.Add([]byte("\x81\x07\x2a\xc0\xc4\x07\xfe\xf2\xc0\x01"))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := ParseBinary(p, 0)
		if err != nil {
			return
		}
		data := fmt.Sprintf(`{"ltp":%de%d}`, b.LTP.N, b.LTP.Exp)
		if b.Quoted {
			data = fmt.Sprintf(`{"ltp":%de%d,"bestbidprice":%de%d,"bestaskprice":%de%d}`,
				b.LTP.N, b.LTP.Exp, b.Bid.N, b.Bid.Exp, b.Ask.N, b.Ask.Exp)
		}
		r := Record{Ref: b.Ref, Seq: b.Seq, TS: b.TS, Snap: b.Snap, Data: []byte(data)}
		again, op := EncodingBinary.Append(nil, &r)
		if op != OpBinary {
			return // an int64 at the very end, which the encoder leaves to JSON
		}
		if c, err := ParseBinary(again, 0); err != nil || c != b || len(again) > len(p) {
			t.Fatalf("%x is %+v; again %x is %+v", p, b, again, c)
		}
	})
}

// FuzzRequest holds that the parser of requests takes anything, and that its faults can
// be told.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"op":"subscribe","id":"r1","tokens":["A","B"],"mode":"ltp","max_rate":4,"snapshot":false}`,
		`{"op":"subscribe","id":1.5,"epoch":17,"from":{"A":1,"B":2}}`,
		`{"op":"unsubscribe","tokens":"*"}`, `{"op":"auth","bearer":"x"}`, `{"op":"list"}`, `[1]`,
		`{"op":"subscribe","tokens":["\ud800"],"id":"\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	var x RequestParser
	f.Fuzz(func(t *testing.T, p []byte) {
		req, err := x.Parse(p)
		if req.ID != nil && !json.Valid(req.ID) {
			t.Fatalf("id %q", req.ID)
		}
		if err == nil {
			if req.WindowMs < 0 || req.WindowMs > 10_000 {
				t.Fatalf("window of %d ms", req.WindowMs)
			}
			return
		}
		fault, ok := err.(*Fault)
		if !ok || fault.Code < CodeBadRequest || fault.Code > CodeUnknownOp {
			t.Fatalf("%v", err)
		}
		if e := AppendError(nil, req.ID, fault.Code, fault.Text, 0); !json.Valid(e) {
			t.Fatalf("%s", e)
		}
	})
}

// TestEvents holds that events are JSON whatever names are in them.
func TestEvents(t *testing.T) {
	const name = "a\"b\\c\x01é\xff\U0001F600"
	ack := AppendAckHead(nil, []byte(`"r1"`), VerbSubscribe)
	ack = AppendAckHeld(ack, name, 1, 2)
	ack = AppendAckListed(ack, name, 1, 2, ModePrice, 134)
	ack = AppendAckTurn(ack)
	ack = AppendAckFailed(ack, name, 102, name)
	ack = AppendAckFailed(ack, []byte(name), 102, "x")
	ack = AppendAckEnd(ack, 2, 3000, true)
	for _, p := range [][]byte{
		ack,
		AppendWelcome(nil, &Welcome{Conn: name, Username: name, ExpiresIn: -1}),
		AppendWelcome(nil, &Welcome{}),
		AppendBeat(nil, &Beat{Feed: "live", AgeMs: -1}),
		AppendBeat(nil, &Beat{Feed: "down"}),
		AppendSkip(nil, name, 1, 2),
		AppendGap(nil, name, 1, 2, GapRing),
		AppendPong(nil, nil, 1),
		AppendError(nil, []byte("7"), 107, name, 5),
		AppendDrain(nil, 1, 2),
		AppendRenewed(nil, []byte(`"x"`), 1, 2, 3),
	} {
		if !json.Valid(p) {
			t.Errorf("no JSON: %s", p)
		}
	}
}

// TestAppendString compares with the library.
func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "NSE:1", `"\`, "\x00\x1f\n", "é€😀", "a\xffb", "\xc3", "\xed\xa0\x80"} {
		got := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%q: %s: %v", s, got, err)
		}
		var want string
		quoted, _ := json.Marshal(s)
		if json.Unmarshal(quoted, &want); back != want {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	data := []byte(`{"token":"NSE:1","ltp":123.45,"bestbidprice":123.40,"bestaskprice":123.5}`)
	dst := make([]byte, 0, 1024)
	for e := range Encoding(Encodings) {
		r := Record{Token: "NSE:1", Ref: 7, Seq: 42, TS: 1764289349123456, Data: data}
		if n := testing.AllocsPerRun(100, func() { r.found = false; e.Append(dst, &r) }); n != 0 {
			t.Errorf("%v: %v allocations", e, n)
		}
	}
}

func BenchmarkEncoding(b *testing.B) {
	data := []byte(`{"token":"NSE:26009","ltp":43520.35,"bestbidprice":43520.30,"bestaskprice":43520.40,"v":1}`)
	for e := range Encoding(Encodings) {
		b.Run(e.String(), func(b *testing.B) {
			dst := make([]byte, 0, 1024)
			r := Record{Token: "NSE:26009", Ref: 700, Seq: 123456, TS: 1764289349123456,
				Epoch: 1764280000000000, Data: data}
			b.ReportAllocs()
			for b.Loop() {
				r.found = false
				dst, _ = e.Append(dst[:0], &r)
			}
			b.ReportMetric(float64(FrameSize(len(dst))), "wire-bytes/op")
		})
	}
}
