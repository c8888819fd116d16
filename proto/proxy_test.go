package proto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// appendProxyV2 is a header of version 2 for a TCP connection.
func appendProxyV2(dst []byte, from, to netip.AddrPort, more string) []byte {
	family := byte(0x11)
	if from.Addr().Is6() {
		family = 0x21
	}
	body := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	body = binary.BigEndian.AppendUint16(body, from.Port())
	body = binary.BigEndian.AppendUint16(body, to.Port())
	body = append(body, more...)
	dst = append(append(dst, proxySignature...), 0x21, family)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(body)))
	return append(dst, body...)
}

func TestReadProxy(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("[2001:db8::1]:1")
	sig := string(proxySignature)
	for text, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n":      "192.0.2.1:40000",
		"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n":               "[2001:db8::1]:0",
		"PROXY UNKNOWN\r\n":                                    "none",
		"PROXY UNKNOWN ffff::1 whatever it says\r\n":           "none",
		string(appendProxyV2(nil, v4, v4, "")):                 "192.0.2.1:40000",
		string(appendProxyV2(nil, v6, v6, "\x03\x00\x04more")): "[2001:db8::1]:1",
		sig + "\x20\x00\x00\x00":                               "none",
		sig + "\x20\x11\x00\x03abc":                            "none",
		sig + "\x21\x00\x00\x00":                               "none",

		"PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\n":                  "bad",
		"PROXY TCP4 192.0.2.1  198.51.100.2 40000 443\r\n":               "bad",
		"PROXY TCP4 192.0.2.1 198.51.100.2 040000 443\r\n":               "bad",
		"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n":                "bad",
		"PROXY TCP4 192.0.2.1 198.51.100.2 40000 443 \r\n":               "bad",
		"PROXY TCP4 ::1 ::1 40000 443\r\n":                               "bad",
		"PROXY TCP6 192.0.2.1 198.51.100.2 40000 443\r\n":                "bad",
		"PROXY TCP6 fe80::1%eth0 ::1 40000 443\r\n":                      "bad",
		"PROXY UDP4 192.0.2.1 198.51.100.2 40000 443\r\n":                "bad",
		"PROXY TCP4 192.0.2.1\r 198.51.100.2 40000 443\r\n":              "bad",
		"proxy TCP4 192.0.2.1 198.51.100.2 40000 443\r\n":                "bad",
		"GET / HTTP/1.1\r\n":                                             "bad",
		"PROXY UNKNOWN " + strings.Repeat("x", proxyV1BytesMax) + "\r\n": "bad",
		sig + "\x31\x11\x00\x0c123456789012":                             "bad",
		sig + "\x22\x11\x00\x0c123456789012":                             "bad",
		sig + "\x21\x12\x00\x0c123456789012":                             "bad",
		sig + "\x21\x11\x00\x0b12345678901":                              "bad",
		sig + "\x21\x21\x00\x0c123456789012":                             "bad",
		sig + "\x21\x11\xff\xff" + strings.Repeat("x", 65535):            "bad",
		"PROXY TCP4":                  "cut",
		sig + "\x21\x11\x00\x0c12345": "cut",
	} {
		rd := bytes.NewReader([]byte(text + "rest"))
		if want == "cut" {
			rd = bytes.NewReader([]byte(text))
		}
		got, err := ReadProxy(rd)
		switch {
		case want == "bad":
			if !errors.Is(err, ErrProxy) {
				t.Errorf("%.60q: %v, %v", text, got, err)
			}
		case want == "cut":
			if err == nil || errors.Is(err, ErrProxy) {
				t.Errorf("%.60q: %v, %v", text, got, err)
			}
		case err != nil || want == "none" && got.IsValid() || want != "none" && got.String() != want:
			t.Errorf("%.60q: %v, %v", text, got, err)
		case rd.Len() != len("rest"):
			t.Errorf("%.60q: %d bytes were left", text, rd.Len())
		}
	}
}

// Whatever comes, an address that is read says itself again, and no more is read than
// the header.
func FuzzReadProxy(f *testing.F) {
	a := netip.MustParseAddrPort("192.0.2.1:40000")
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\nGET"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add(appendProxyV2(nil, a, a, "more"))
	f.Fuzz(func(t *testing.T, p []byte) {
		rd := bytes.NewReader(p)
		got, err := ReadProxy(rd)
		if err != nil || !got.IsValid() {
			return
		}
		used := len(p) - rd.Len()
		if again, err := ReadProxy(bytes.NewReader(p[:used])); err != nil || again != got {
			t.Fatalf("%q: %v, and alone %v, %v", p[:used], got, again, err)
		}
		again, err := ReadProxy(bytes.NewReader(appendProxyV2(nil, got, got, "")))
		if err != nil || again != got {
			t.Fatalf("%v became %v, %v", got, again, err)
		}
	})
}
