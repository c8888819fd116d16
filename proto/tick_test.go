package proto

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

var benchTick = []byte(`NSE:26009 & {"token":"NSE:26009","ltp":43520.35,` +
	`"bestbidprice":43520.30,"bestaskprice":43520.40,"v":1}`)

func TestSplitTick(t *testing.T) {
	for _, c := range []struct {
		msg, topic, data string
		err              error
	}{
		{`A & {}`, "A", "{}", nil},
		{`A & {"x":"b & c"}`, "A", `{"x":"b & c"}`, nil},
		{`A&B & {}`, "A&B", "{}", nil},
		{`A&  & {}`, "A& ", "{}", nil},
		{` & {}`, "", "{}", nil},
		{`A & `, "A", "", nil},
		{`A &`, "", "", ErrNoSeparator},
		{`& {}`, "", "", ErrNoSeparator},
		{`A&{}`, "", "", ErrNoSeparator},
		{``, "", "", ErrNoSeparator},
		{`&`, "", "", ErrNoSeparator},
	} {
		topic, data, err := SplitTick([]byte(c.msg))
		if string(topic) != c.topic || string(data) != c.data || !errors.Is(err, c.err) {
			t.Errorf("SplitTick(%q) = %q, %q, %v", c.msg, topic, data, err)
		}
	}
}

func TestCheckTick(t *testing.T) {
	long := strings.Repeat("x", TokenBytesMax)
	for _, c := range []struct {
		topic, data string
		err         error
	}{
		{"NSE:26009", `{}`, nil},
		{"A", " {\"a\":[1,-0.5e+3,true,null,\"\\u00e9\\n\"],\r\n\t\"b\":{}} ", nil},
		{long, `{}`, nil},
		{long + "x", `{}`, ErrTopicTooLong},
		{"", `{}`, ErrTopicName},
		{"A,B", `{}`, ErrTopicName},
		{"A\xff", `{}`, ErrNotUTF8},
		{"A", `{"a":"` + "\xff" + `"}`, ErrNotUTF8},
		{"A", `{"a":"` + strings.Repeat("x", DataBytesMax-8) + `"}`, nil},
		{"A", `{"a":"` + strings.Repeat("x", DataBytesMax-7) + `"}`, ErrTooLarge},
		{"A", ``, ErrNotObject},
		{"A", `[]`, ErrNotObject},
		{"A", `1`, ErrNotObject},
		{"A", `{"a":NaN}`, ErrNotObject},
		{"A", `{"a":01}`, ErrNotObject},
		{"A", `{"a":1.}`, ErrNotObject},
		{"A", `{"a":1.2.3}`, ErrNotObject},
		{"A", `{"a":-}`, ErrNotObject},
		{"A", `{"a":1e}`, ErrNotObject},
		{"A", `{"a":tru}`, ErrNotObject},
		{"A", "{\"a\":\"\n\"}", ErrNotObject},
		{"A", "{\"a\x01\":1}", ErrNotObject},
		{"A", `{"a":"\x41"}`, ErrNotObject},
		{"A", `{"a":"\u12g4"}`, ErrNotObject},
		{"A", `{"a":1,}`, ErrNotObject},
		{"A", `{"a":[1,]}`, ErrNotObject},
		{"A", `{"a" 1}`, ErrNotObject},
		{"A", `{"a":1}x`, ErrNotObject},
		{"A", `{"a":1}{}`, ErrNotObject},
		{"A", `{"a":1`, ErrNotObject},
		{"A", "\ufeff{}", ErrNotObject},
		{"A", strings.Repeat(`{"a":`, 63) + `{}` + strings.Repeat(`}`, 63), nil},
		{"A", strings.Repeat(`{"a":`, 64) + `{}` + strings.Repeat(`}`, 64), ErrNotObject},
		{"A", `{"a":` + strings.Repeat(`[`, 8000) + strings.Repeat(`]`, 8000) + `}`, ErrNotObject},
	} {
		if err := CheckTick([]byte(c.topic), []byte(c.data)); !errors.Is(err, c.err) {
			t.Errorf("CheckTick(%q, %.80q) = %v, want %v", c.topic, c.data, err, c.err)
		}
	}
}

func TestTickAllocs(t *testing.T) {
	dst := make([]byte, 0, 256)
	bad := bytes.Split([]byte("A & {x}\nA,B & {}\nnone\nA & {\"\xff\":1}"), []byte("\n"))
	for name, f := range map[string]func(){
		"good": func() {
			topic, data, err := SplitTick(benchTick)
			if err != nil || CheckTick(topic, data) != nil {
				t.Fatal("a good tick was refused")
			}
			dst = AppendTick(dst[:0], topic, data)
		},
		"bad": func() {
			for _, m := range bad {
				if topic, data, err := SplitTick(m); err == nil && CheckTick(topic, data) == nil {
					t.Fatalf("%q passed", m)
				}
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// depthOf is how deep valid JSON nests, counted the slow way.
func depthOf(p []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest
}

// FuzzTick holds the split against bytes.Cut and the check against encoding/json.
func FuzzTick(f *testing.F) {
	f.Add(benchTick)
	for _, s := range []string{
		`A & {"a":"\ud800\"\\","b":[{},[]],"c":-1.5E-7}`, "A", "A & {\"\x80\":1}",
		`A & {"a":01}`, `A & {"a":nul}`, " & ", `é ü & {"é":"\u00E9"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		wantTopic, wantData, found := bytes.Cut(msg, []byte(" & "))
		topic, data, err := SplitTick(msg)
		if found != (err == nil) {
			t.Fatalf("SplitTick(%q) = %v", msg, err)
		}
		if !found {
			return
		}
		if !bytes.Equal(topic, wantTopic) || !bytes.Equal(data, wantData) {
			t.Fatalf("SplitTick(%q) = %q, %q", msg, topic, data)
		}
		if back := AppendTick(nil, topic, data); !bytes.Equal(back, msg) {
			t.Fatalf("AppendTick = %q, want %q", back, msg)
		}
		want := len(data) <= DataBytesMax && CheckToken(topic) == nil && utf8.Valid(data) &&
			json.Valid(data) && bytes.TrimLeft(data, " \t\r\n")[0] == '{' &&
			depthOf(data) <= objectDepthMax
		if err := CheckTick(topic, data); (err == nil) != want {
			t.Fatalf("CheckTick(%q, %q) = %v, want ok %v", topic, data, err, want)
		}
	})
}

func BenchmarkCheckTick(b *testing.B) {
	b.SetBytes(int64(len(benchTick)))
	b.ReportAllocs()
	for b.Loop() {
		topic, data, err := SplitTick(benchTick)
		if err != nil || CheckTick(topic, data) != nil {
			b.Fatal("a good tick was refused")
		}
	}
}

// BenchmarkValidateFastjson is what the JSON part alone costs in fastjson.
func BenchmarkValidateFastjson(b *testing.B) {
	_, data, _ := SplitTick(benchTick)
	b.ReportAllocs()
	for b.Loop() {
		if fastjson.ValidateBytes(data) != nil {
			b.Fatal("a good tick was refused")
		}
	}
}
