package proto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol of HAProxy, versions 1 and 2: a header before all else on a
// connection, in which a proxy says whose connection it is.
//
//	v1  PROXY TCP4 192.0.2.1 198.51.100.2 40000 443 CR LF
//	v2  signature(12) 0x21 family(1) length(2) from(4|16) to(4|16) port(2) port(2) more…
const (
	proxyV1BytesMax = 107 // with CR LF
	proxyV2BytesMax = 4 << 10
	proxyV2Head     = 16
)

var proxySignature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// ErrProxy is a header that is no PROXY header, or has a form that is not read.
var ErrProxy = errors.New("proto: no PROXY header")

// ReadProxy reads a PROXY header, and not one byte more, and returns the client's
// address. It is zero when the proxy speaks for itself.
func ReadProxy(rd io.Reader) (netip.AddrPort, error) {
	var b [proxyV1BytesMax]byte
	if _, err := io.ReadFull(rd, b[:len(proxySignature)]); err != nil {
		return netip.AddrPort{}, fmt.Errorf("read PROXY header: %w", err)
	}
	if bytes.Equal(b[:len(proxySignature)], proxySignature) {
		return readProxyV2(rd)
	}
	if !bytes.HasPrefix(b[:], []byte("PROXY ")) {
		return netip.AddrPort{}, ErrProxy
	}
	for n := len(proxySignature); n < len(b); n++ {
		if _, err := io.ReadFull(rd, b[n:n+1]); err != nil {
			return netip.AddrPort{}, fmt.Errorf("read PROXY header: %w", err)
		}
		if b[n] == '\n' {
			return ParseProxyV1(b[:n+1])
		}
	}
	return netip.AddrPort{}, ErrProxy
}

// ParseProxyV1 is the client's address in a line of version 1.
func ParseProxyV1(line []byte) (netip.AddrPort, error) {
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || len(line) > proxyV1BytesMax || bytes.ContainsAny(text, "\r\n") {
		return netip.AddrPort{}, ErrProxy
	}
	words := strings.Split(string(text), " ")
	if len(words) >= 2 && words[0] == "PROXY" && words[1] == "UNKNOWN" {
		return netip.AddrPort{}, nil
	}
	if len(words) != 6 || words[0] != "PROXY" {
		return netip.AddrPort{}, ErrProxy
	}
	from, err := proxyAddr(words[2], words[4], words[1])
	if err != nil {
		return netip.AddrPort{}, err
	}
	if _, err := proxyAddr(words[3], words[5], words[1]); err != nil {
		return netip.AddrPort{}, err
	}
	return from, nil
}

func proxyAddr(addr, port, family string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Zone() != "" ||
		a.Is4() != (family == "TCP4") || a.Is6() != (family == "TCP6") {
		return netip.AddrPort{}, ErrProxy
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, ErrProxy
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

// readProxyV2 reads what follows the signature.
func readProxyV2(rd io.Reader) (netip.AddrPort, error) {
	var head [proxyV2Head - 12]byte
	if _, err := io.ReadFull(rd, head[:]); err != nil {
		return netip.AddrPort{}, fmt.Errorf("read PROXY header: %w", err)
	}
	n := binary.BigEndian.Uint16(head[2:])
	if n > proxyV2BytesMax {
		return netip.AddrPort{}, ErrProxy
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(rd, body); err != nil {
		return netip.AddrPort{}, fmt.Errorf("read PROXY header: %w", err)
	}
	return parseProxyV2(head[0], head[1], body)
}

// parseProxyV2 reads version and command, family, and what they say of the rest. Fields
// after the addresses are ignored.
func parseProxyV2(command, family byte, body []byte) (netip.AddrPort, error) {
	switch command {
	case 0x20: // the proxy's own, as for a health check
		return netip.AddrPort{}, nil
	case 0x21:
	default:
		return netip.AddrPort{}, ErrProxy
	}
	size := 0
	switch family {
	case 0x00: // unknown to the proxy itself
		return netip.AddrPort{}, nil
	case 0x11:
		size = 4
	case 0x21:
		size = 16
	}
	if size == 0 || len(body) < 2*size+4 {
		return netip.AddrPort{}, ErrProxy
	}
	a, _ := netip.AddrFromSlice(body[:size]) // 4 or 16 bytes always do
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[2*size:])), nil
}
