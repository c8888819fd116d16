package server

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"azira/proto"
)

const docs = "../docs"

// otherCodes have a page, but no constant: clients are told of them by others.
var otherCodes = []int{1003}

func page(t *testing.T, name string) string {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(docs, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// constants are the numbers in a file of proto whose names begin so.
func constants(t *testing.T, file, prefix string) (all []int) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "proto", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.INT {
			code, _ := strconv.Atoi(lit.Value)
			all = append(all, code)
		}
		return true
	})
	return all
}

// Every code of proto has its page, and the index names it with what the page says;
// and the other way round.
func TestEveryCodeHasItsPage(t *testing.T) {
	codes := slices.Concat(constants(t, "event.go", "Code"), constants(t, "close.go", "Close"), otherCodes)
	if len(codes) < 20 {
		t.Fatalf("constants found: %v", codes)
	}
	rows := map[string][2]string{} // name, and what to do, by code
	row := regexp.MustCompile(`(?m)^\| \[(\d+)\]\((\d+)\.md\) \| (.+) \| (.+) \|$`)
	for _, m := range row.FindAllStringSubmatch(page(t, "errors/README.md"), -1) {
		if m[1] != m[2] || rows[m[1]] != [2]string{} {
			t.Errorf("index: %s", m[0])
		}
		rows[m[1]] = [2]string{m[3], m[4]}
	}
	for _, code := range codes {
		want, text := rows[strconv.Itoa(code)], page(t, fmt.Sprintf("errors/%d.md", code))
		said := "**Send it again:** " + want[1] + ".\n"
		if code >= 1000 {
			said = "**Reconnect:** " + want[1] + ".\n"
		}
		if !strings.HasPrefix(text, fmt.Sprintf("# %d: %s\n", code, want[0])) || !strings.Contains(text, said) ||
			!strings.Contains(text, "**When:**") || !strings.Contains(text, "**Do:**") {
			t.Errorf("%d: the index says %q, the page: %s", code, want, text)
		}
	}
	names, _ := filepath.Glob(filepath.Join(docs, "errors", "*.md"))
	if len(names) != len(codes)+1 || len(rows) != len(codes) {
		t.Errorf("%d codes, %d pages with the index, %d rows of it", len(codes), len(names), len(rows))
	}
}

// spoken are the lines of the pages that a client or a server says in a typed dialect.
var spoken = regexp.MustCompile(`(?m)^    ([<>]) (\{"(?:type|op)":.*)$`)

// What the pages give as an example is as asyncapi.json describes it.
func TestDocumentedFramesFit(t *testing.T) {
	d := loadDocument(t, asyncAPIText)
	p := &typed{t: t, channel: "json", doc: d, seen: witness{}}
	names, _ := filepath.Glob(filepath.Join(docs, "*", "*.md"))
	n := 0
	for _, name := range names {
		text := page(t, strings.TrimPrefix(filepath.ToSlash(name), docs+"/"))
		for _, m := range spoken.FindAllStringSubmatch(text, -1) {
			n++
			var v event
			err := json.Unmarshal([]byte(m[2]), &v)
			switch {
			case err != nil:
			case m[1] == ">":
				err = p.fits(m[2])
			default:
				kind := v.text("type")
				p.seen[kind] = true
				err = d.fits(p.message(kind), map[string]any(v), kind)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, m[0], err)
			}
		}
	}
	for name := range dig(d["channels"], "json", "messages").(map[string]any) {
		if !p.seen[name] && !p.seen["json."+name] && name != "acknowledge" {
			t.Errorf("no page has an example of %s", name)
		}
	}
	if n < 80 {
		t.Errorf("only %d examples found", n)
	}
}

// The session on its page is complete: the proof, as its page has it, goes through.
func TestDocumentedSessionIsProven(t *testing.T) {
	last, beats := map[string]float64{}, 0
	for _, m := range spoken.FindAllStringSubmatch(page(t, "protocol/session.md"), -1) {
		var e event
		if err := json.Unmarshal([]byte(m[2]), &e); err != nil {
			t.Fatal(err)
		}
		token, ok := e.text("token"), true
		switch e["type"] {
		case "welcome":
			clear(last)
		case "ack":
			for _, x := range e.list("ok") {
				token := x.text("token")
				if e["op"] != "subscribe" {
					ok = ok && last[token] == x.number("seq")
				}
				if last[token] = x.number("seq"); e["op"] == "unsubscribe" {
					delete(last, token)
				}
			}
		case "snap":
			ok = e.number("seq") >= last[token]
			last[token] = e.number("seq")
		case "tick":
			ok = e.number("seq") == last[token]+1
			last[token] = e.number("seq")
		case "skip":
			ok = e.number("count") == e.number("seq")-1-last[token]
			last[token] = e.number("seq") - 1
		case "hb":
			beats++
			sum := e.number("pending")
			for _, seq := range last {
				sum += seq
			}
			ok = sum == e.number("sum")
		}
		if !ok {
			t.Errorf("%s does not follow from %v", m[0], last)
		}
	}
	if beats < 10 {
		t.Errorf("%d heartbeats", beats)
	}
}

// The record that is taken apart on its page is read as the page says.
func TestDocumentedRecord(t *testing.T) {
	text := page(t, "protocol/binary.md")
	line := regexp.MustCompile(`(?m)^    (\{"name":.*\})$`).FindStringSubmatch(text)
	if line == nil {
		t.Fatal("no record")
	}
	var v struct {
		Hex, Kind, LTP, Bid, Ask string
		Epoch, TS                int64
		Ref                      uint32
		Seq                      uint64
	}
	if err := json.Unmarshal([]byte(line[1]), &v); err != nil {
		t.Fatal(err)
	}
	parts := ""
	for _, m := range regexp.MustCompile("(?m)^\\| `([0-9a-f]+)` \\|").FindAllStringSubmatch(text, -1) {
		parts += m[1]
	}
	raw, err := hex.DecodeString(v.Hex)
	if err != nil || parts != v.Hex {
		t.Fatalf("%q, in parts %q: %v", v.Hex, parts, err)
	}
	got, err := proto.ParseBinary(raw, v.Epoch)
	if err != nil || got.Ref != v.Ref || got.Seq != v.Seq || got.TS != v.TS || got.Snap || v.Kind != "tick" ||
		got.LTP.String() != v.LTP || got.Bid.String() != v.Bid || got.Ask.String() != v.Ask {
		t.Errorf("%v, %+v, want %+v", err, got, v)
	}
}
