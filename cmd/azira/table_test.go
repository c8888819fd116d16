package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"azira/client"
)

func tickOf(token, data string) client.Tick { return client.Tick{Token: token, Data: []byte(data)} }

func TestTable(t *testing.T) {
	tb := newTable()
	tb.add(tickOf("NSE:2", `{"ltp":100.50,"bestbidprice":100.45,"bestaskprice":100.55}`))
	tb.add(tickOf("NSE:1", `{"ltp":200.00}`))
	tb.add(tickOf("NSE:1", `{"ltp":201.00}`))
	tb.add(tickOf("NSE:2", `{"ltp":99.50,"bestbidprice":99.45,"bestaskprice":99.55}`))
	tb.add(tickOf("NSE:2", `{"ltp":99.50,"bestbidprice":99.40,"bestaskprice":99.55}`)) // no move
	tb.add(client.Tick{Token: "odd", Data: []byte(`{"volume":7}`), Missed: 3})
	tb.sample(2 * time.Second)
	want := strings.TrimPrefix(`
head
TOKEN        LAST   CHANGE                      BID         ASK   TICKS/S
NSE:1      201.00 ▲ +1.00 +0.50%                  -           -       1.0
NSE:2       99.50 ▼ -1.00 -1.00%              99.40       99.55       1.5
odd             -   -                             -           -       2.0`, "\n")
	if got := strings.Join(tb.render("head", 100, 100, false), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	tb.add(tickOf("NSE:2", `{"ltp":99.60}`)) // up a little, still below where it began
	if l := tb.render("", 100, 100, false)[2]; !strings.Contains(l, "▼ -0.90 -0.90%") {
		t.Errorf("arrow and change disagree: %q", l)
	}
	colours := strings.Join(tb.render("", 100, 100, true), "\n")
	if !strings.Contains(colours, "\x1b[32m▲ +1.00") || !strings.Contains(colours, "\x1b[31m▼") {
		t.Errorf("colours: %q", colours)
	}
	tb.sample(time.Second)
	if lines := tb.render("", 100, 100, false); !strings.HasSuffix(lines[1], " 0.0") {
		t.Errorf("no ticks, but %q", lines[1])
	}
}

// Whatever the terminal's size, and whatever the feed says, a table fits into it
// and moves no cursor.
func TestTableFits(t *testing.T) {
	tb := newTable()
	for i := range 30 {
		tb.add(tickOf(fmt.Sprintf("%c\x1b[2Jé%060d", 'a'+i, i), `{"ltp":123456789012345.123456}`))
	}
	for _, width := range []int{1, 10, 79, 200} {
		for _, height := range []int{1, 2, 3, 10, 31, 32, 40} {
			lines := tb.render("a header", width, height, false)
			if len(lines) > max(height, 2) {
				t.Fatalf("%d lines on %d", len(lines), height)
			}
			for _, l := range lines {
				if utf8.RuneCountInString(l) > width || strings.ContainsRune(l, '\x1b') {
					t.Fatalf("width %d: %q", width, l)
				}
			}
		}
	}
	if lines := tb.render("", 80, 10, false); lines[9] != "and 22 more" {
		t.Fatalf("last line %q", lines[9])
	}
}

func TestNoNegativeZero(t *testing.T) {
	for v, want := range map[float64]string{
		-0.0001: " 0.00", 0.0001: " 0.00", 0: " 0.00", -0.01: "-0.01", 1: "+1.00",
	} {
		if got := signed(v, 2); got != want {
			t.Errorf("%v: %q", v, got)
		}
	}
}

func TestRedraw(t *testing.T) {
	if got := redraw([]string{"a", "b"}, 0); got != "\ra\x1b[K\n\rb\x1b[K\n\x1b[J" {
		t.Errorf("first: %q", got)
	}
	if got := redraw([]string{"c"}, 2); got != "\x1b[2A\rc\x1b[K\n\x1b[J" {
		t.Errorf("again: %q", got)
	}
}
