package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// A wireCase is what a client sends and what must come back, the server's end
// included. When the last frame is no close, the client closes with 1000.
type wireCase struct {
	name string
	send []byte
	chop int // bytes of one write; 0 = all at once
	want []string
}

// TestConformance holds the border to RFC 6455, by raw sockets on /debug/echo.
func TestConformance(t *testing.T) {
	s := start(t, func(c *Config) { c.DebugEcho = true })
	groups := []struct {
		name  string
		cases []wireCase
	}{
		{"sizes", sizeCases()},
		{"fragments", fragmentCases()},
		{"order", orderCases()},
		{"control", controlCases()},
		{"reserved", reservedCases()},
		{"lengths", lengthCases()},
		{"close", closeCases()},
		{"valid UTF-8", validCases()},
		{"invalid UTF-8", invalidCases()},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				c.run(t, openWire(t, s, "/debug/echo"))
			}
		})
	}
}

func (c *wireCase) run(t *testing.T, w *wire) {
	t.Helper()
	want := c.want
	if len(want) == 0 || !strings.HasPrefix(want[len(want)-1], "close ") {
		want = append(want[:len(want):len(want)], "close 1000")
		c.send = append(c.send, wireFrame(fin|opClose, closeBody(1000, "bye"))...)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.send(c.send, c.chop)
	}()
	for i, want := range append(want, "end") {
		got, err := w.hear()
		if err != nil || got != want {
			t.Errorf("%s: frame %d is %.60q, want %.60q (%v)", c.name, i, got, want, err)
			break
		}
	}
	_ = w.Close() // ends send, if the server no longer reads
	<-sent
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// Payloads at each edge of the three forms of a length, in one write and chopped.
func sizeCases() (out []wireCase) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		for _, chop := range []int{0, 1, 997} {
			if chop == 1 && n > 1000 || chop > n+8 {
				continue
			}
			text, bin := strings.Repeat("*", n), strings.Repeat("\xfe", n)
			out = append(out,
				wireCase{fmt.Sprintf("text of %d by %d", n, chop),
					wireFrame(fin|opText, text), chop, []string{"text " + text}},
				wireCase{fmt.Sprintf("binary of %d by %d", n, chop),
					wireFrame(fin|opBinary, bin), chop, []string{"binary " + bin}})
		}
	}
	return out
}

// Messages in pieces, with a ping between any two of them (§5.4).
func fragmentCases() (out []wireCase) {
	for _, n := range []int{2, 126, 65536} {
		for _, piece := range []int{1, 125, 126, 997, 65535} {
			for _, pings := range []bool{false, true} {
				if piece >= n || n/piece > 1000 {
					continue
				}
				text := strings.Repeat("é", n/2)
				c := wireCase{name: fmt.Sprintf("%d bytes in pieces of %d, pings %v", n, piece, pings)}
				first := byte(opText)
				for rest := text; rest != ""; first = opMore {
					p := rest[:min(piece, len(rest))]
					if rest = rest[len(p):]; rest == "" {
						first |= fin
					}
					c.send = append(c.send, wireFrame(first, p)...)
					if pings && rest != "" {
						c.send = append(c.send, wireFrame(fin|opPing, "p")...)
						c.want = append(c.want, "pong p")
					}
				}
				c.want = append(c.want, "text "+text)
				out = append(out, c)
				c.name, c.chop = c.name+", chopped", 997
				out = append(out, c)
			}
		}
	}
	return append(out,
		wireCase{"empty pieces", join(wireFrame(opText, ""), wireFrame(opMore, ""),
			wireFrame(fin|opMore, "")), 0, []string{"text "}},
		wireCase{"an empty last piece", join(wireFrame(opBinary, "a"), wireFrame(fin|opMore, "")),
			1, []string{"binary a"}})
}

// What may not follow what (§5.4).
func orderCases() []wireCase {
	good := wireFrame(fin|opText, "good")
	return []wireCase{
		{"end of nothing", wireFrame(fin|opMore, "x"), 0, []string{"close 1002"}},
		{"middle of nothing", wireFrame(opMore, "x"), 0, []string{"close 1002"}},
		{"end of what has ended", join(good, wireFrame(fin|opMore, "x")), 0,
			[]string{"text good", "close 1002"}},
		{"text inside text", join(wireFrame(opText, "x"), good), 0, []string{"close 1002"}},
		{"binary inside text", join(wireFrame(opText, "x"), wireFrame(opBinary, "y")), 1,
			[]string{"close 1002"}},
		{"unmasked text", []byte("\x81\x05hello"), 0, []string{"close 1002"}},
		{"unmasked ping", []byte("\x89\x00"), 1, []string{"close 1002"}},
		{"unmasked close", []byte("\x88\x02\x03\xe8"), 0, []string{"close 1002"}},
		{"nothing after an error", join(wireFrame(fin|opMore, "x"), good, wireFrame(fin|opPing, "")),
			0, []string{"close 1002"}},
	}
}

// Control frames (§5.5): whole, short, answered in order.
func controlCases() []wireCase {
	long := strings.Repeat("\xff", 125)
	c := wireCase{name: "ten pings"}
	for i := range 10 {
		c.send = append(c.send, wireFrame(fin|opPing, fmt.Sprint(i))...)
		c.want = append(c.want, fmt.Sprint("pong ", i))
	}
	chopped := c
	chopped.name, chopped.chop = "ten pings, chopped", 1
	return []wireCase{c, chopped,
		{"empty ping", wireFrame(fin|opPing, ""), 0, []string{"pong "}},
		{"long ping", wireFrame(fin|opPing, long), 0, []string{"pong " + long}},
		{"long ping, chopped", wireFrame(fin|opPing, long), 1, []string{"pong " + long}},
		{"pong nobody asked for", wireFrame(fin|opPong, long), 0, nil},
		{"pong, then ping", join(wireFrame(fin|opPong, "a"), wireFrame(fin|opPing, "b")), 0,
			[]string{"pong b"}},
		{"ping too long", wireFrame(fin|opPing, long+"x"), 0, []string{"close 1002"}},
		{"pong too long", wireFrame(fin|opPong, long+"x"), 0, []string{"close 1002"}},
		{"close too long", wireFrame(fin|opClose, closeBody(1000, long)), 0, []string{"close 1002"}},
		{"ping in pieces", join(wireFrame(opPing, "a"), wireFrame(fin|opMore, "b")), 0,
			[]string{"close 1002"}},
		{"close in pieces", wireFrame(opClose, closeBody(1000, "")), 0, []string{"close 1002"}},
	}
}

// Opcodes and bits that mean nothing (§5.2), alone, after a message, and inside one.
func reservedCases() (out []wireCase) {
	add := func(name string, bad []byte) {
		out = append(out,
			wireCase{name, bad, 0, []string{"close 1002"}},
			wireCase{name + " after a message", join(wireFrame(fin|opText, "good"), bad), 0,
				[]string{"text good", "close 1002"}},
			wireCase{name + " inside a message", join(wireFrame(opText, "x"), bad), 1,
				[]string{"close 1002"}})
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		add(fmt.Sprintf("opcode %d", op), wireFrame(fin|op, ""))
	}
	for bits := byte(1); bits < 8; bits++ {
		for _, op := range []byte{opMore, opText, opBinary, opClose, opPing} {
			add(fmt.Sprintf("bits %03b of opcode %d", bits, op), wireFrame(fin|bits<<4|op, ""))
		}
	}
	return out
}

// Lengths in too long a form, and messages over the limit, which are refused
// by their header: not a byte of the payload is sent.
func lengthCases() []wireCase {
	const limit = 32 << 20
	zero := []byte{0, 0, 0, 0} // a mask
	in64 := func(first byte, n uint64) []byte {
		return join(binary.BigEndian.AppendUint64([]byte{first, 0xff}, n), zero)
	}
	return []wireCase{
		{"125 in 16 bits", []byte{fin | opText, 0xfe, 0, 125, 0, 0, 0, 0}, 0, []string{"close 1002"}},
		{"0 in 64 bits", in64(fin|opText, 0), 0, []string{"close 1002"}},
		{"65535 in 64 bits", in64(fin|opBinary, 65535), 1, []string{"close 1002"}},
		{"ping in 16 bits", []byte{fin | opPing, 0xfe, 0, 1, 0, 0, 0, 0, 0}, 0, []string{"close 1002"}},
		{"top bit", in64(fin|opBinary, 1<<63|1), 0, []string{"close 1002"}},
		{"2^63-1", in64(fin|opBinary, 1<<63-1), 0, []string{"close 1009"}},
		{"over the limit", in64(fin|opBinary, limit+1), 0, []string{"close 1009"}},
		{"over the limit together", join(wireFrame(opText, "x"), in64(fin|opMore, limit)), 0,
			[]string{"close 1009"}},
		{"mask of zeros", join([]byte{fin | opText, 0x82}, zero, []byte("ok")), 1, []string{"text ok"}},
	}
}

// The closing handshake (§5.5.1, §7.4).
func closeCases() (out []wireCase) {
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
		3000, 3999, 4000, 4999} {
		out = append(out, wireCase{fmt.Sprint("code ", code),
			wireFrame(fin|opClose, closeBody(code, "é")), 0, []string{fmt.Sprint("close ", code)}})
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		out = append(out, wireCase{fmt.Sprint("forbidden code ", code),
			wireFrame(fin|opClose, closeBody(code, "")), 0, []string{"close 1002"}})
	}
	bye := wireFrame(fin|opClose, closeBody(1001, ""))
	return append(out,
		wireCase{"no code", wireFrame(fin|opClose, ""), 0, []string{"close 1000"}},
		wireCase{"half a code", wireFrame(fin|opClose, "\x03"), 0, []string{"close 1002"}},
		wireCase{"longest reason", wireFrame(fin|opClose, closeBody(1000, strings.Repeat("r", 123))), 1,
			[]string{"close 1000"}},
		wireCase{"reason not UTF-8", wireFrame(fin|opClose, closeBody(1000, "\xce\xba\xed\xa0\x80")), 0,
			[]string{"close 1007"}},
		wireCase{"inside a message", join(wireFrame(opText, "x"), bye), 0, []string{"close 1001"}},
		wireCase{"deaf afterwards", join(bye, wireFrame(fin|opPing, ""), wireFrame(fin|opText, "x"), bye),
			0, []string{"close 1001"}},
		wireCase{"after 64 KiB", join(wireFrame(fin|opText, strings.Repeat("x", 1<<16)), bye), 0,
			[]string{"text " + strings.Repeat("x", 1<<16), "close 1001"}})
}

// Text whose runes lie across fragments and writes in every way (§5.6, §8.1).
func validCases() (out []wireCase) {
	for _, text := range []string{"κόσμε", "\x00\x7f", "\u0080\u07ff\u0800\uffff", "\U00010000\U0010ffff",
		"\ufffe\uffff\ufdd0", "\ud7ff\ue000", "\ufeffa"} {
		for cut := range len(text) + 1 {
			out = append(out, wireCase{fmt.Sprintf("%q cut at %d", text, cut),
				join(wireFrame(opText, text[:cut]), wireFrame(fin|opMore, text[cut:])), cut % 2,
				[]string{"text " + text}})
		}
	}
	return out
}

// Text that is none: whole; cut anywhere; and with nothing sent behind the
// fault, be it the rest of the message or of the frame, because the server
// must tell at once.
func invalidCases() (out []wireCase) {
	for _, bad := range []string{"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3(", "\xe0\x80\xaf",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82(", "\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xfe", "\xff"} {
		text := "κόσ" + bad
		held := wireFrame(fin|opText, text+strings.Repeat("x", 300))
		out = append(out,
			wireCase{fmt.Sprintf("%q", bad), wireFrame(fin|opText, text), 0, []string{"close 1007"}},
			wireCase{fmt.Sprintf("%q and no more of the message", bad), wireFrame(opText, text), 0,
				[]string{"close 1007"}},
			wireCase{fmt.Sprintf("%q and no more of the frame", bad), held[:8+len(text)], 1,
				[]string{"close 1007"}},
			wireCase{fmt.Sprintf("%q cut", bad), join(wireFrame(opText, text[:7]),
				wireFrame(opMore, text[7:])), 0, []string{"close 1007"}})
	}
	for _, half := range []string{"\xc3", "\xe2\x82", "\xf0\x9f\x98"} {
		out = append(out,
			wireCase{fmt.Sprintf("%q at the end", half), wireFrame(fin|opText, "a"+half), 0,
				[]string{"close 1007"}},
			wireCase{fmt.Sprintf("%q at the end of the last piece", half),
				join(wireFrame(opText, "a"+half), wireFrame(fin|opMore, "")), 0, []string{"close 1007"}},
			wireCase{fmt.Sprintf("%q is no fault of binary", half), wireFrame(fin|opBinary, half), 0,
				[]string{"binary " + half}})
	}
	return out
}

// TestConformanceOfStreams: the same border on a stream of the text dialect,
// with its own limits.
func TestConformanceOfStreams(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := "Authorization: Bearer " + s.account("ann")
	long := strings.Repeat("x", 4<<10)
	for _, c := range []wireCase{
		{"request in pieces", join(wireFrame(opText, "fo"), wireFrame(fin|opPing, ""),
			wireFrame(fin|opMore, "o|A")), 1, []string{"pong ", "text Unknown action: foo"}},
		{"request over 4 KiB", wireFrame(fin|opText, long+"x"), 0, []string{"close 1009"}},
		{"request over 4 KiB, the rest withheld", wireFrame(fin|opText, long+long)[:5<<10], 0,
			[]string{"close 1009"}},
		{"subscribe over 128 KiB, by its header", append(wireHeader(fin|opText, 128<<10+1),
			0, 0, 0, 0), 0, []string{"close 1009"}},
		{"not UTF-8", wireFrame(opText, "subscribe|\xff"), 0, []string{"close 1007"}},
		{"unmasked", []byte("\x81\x00"), 0, []string{"close 1002"}},
	} {
		c.run(t, openWire(t, s, "/api/v1/stream", bearer))
	}
}

// TestConformanceEarly: frames that come in one write with the handshake.
func TestConformanceEarly(t *testing.T) {
	s := start(t, func(c *Config) { c.DebugEcho = true })
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	early := join([]byte(upgradeText("/debug/echo")), wireFrame(fin|opText, "early"),
		wireFrame(fin|opClose, ""))
	if _, err := c.Write(early); err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(c)
	if err != nil || !bytes.HasSuffix(p, []byte("\r\n\r\n\x81\x05early\x88\x02\x03\xe8")) {
		t.Errorf("%q %v", p, err)
	}
}
