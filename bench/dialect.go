package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"azira/proto"
)

// Dialects in which clients talk to a server. Those of Azira are text and the typed
// ones, with whole ticks or with prices alone; peers say which is theirs.
const (
	dialectText        = "text"     // subscribe|A,B, and a text frame for each tick
	dialectJSON        = "json"     // azira.v1.json
	dialectJSONPrice   = "json-ltp" // the same, mode ltp
	dialectBinary      = "bin"      // azira.v1.bin
	dialectBinaryPrice = "bin-ltp"  // the same, mode ltp
	dialectNATS        = "nats"     // the protocol of NATS inside binary frames
	dialectURL         = "url"      // GET /sub/A,B, and a text frame for each tick
)

// Dialects are those in which clients can talk to Azira.
var Dialects = []string{dialectText, dialectJSON, dialectJSONPrice, dialectBinary,
	dialectBinaryPrice}

// subprotocol is what clients of a dialect ask for in the handshake; empty is nothing.
func subprotocol(dialect string) string {
	switch dialect {
	case dialectJSON, dialectJSONPrice:
		return proto.ProtocolJSON
	case dialectBinary, dialectBinaryPrice:
		return proto.ProtocolBinary
	}
	return ""
}

func typed(dialect string) bool { return subprotocol(dialect) != "" }

// priceAlone says that ticks of a dialect carry no more than their last price.
func priceAlone(dialect string) bool {
	return dialect == dialectJSONPrice || dialect == dialectBinaryPrice
}

// ingressTimed says that ticks of a dialect do not tell when they were to be sent: their
// lateness is from when the server took them in.
func ingressTimed(dialect string) bool { return typed(dialect) && dialect != dialectJSON }

// checkDialects refuses what is no dialect of Azira, and any twice.
func checkDialects(all []string) error {
	for i, d := range all {
		if !slices.Contains(Dialects, d) || slices.Contains(all[:i], d) {
			return fmt.Errorf("%w: --dialects %s: expected some of %s, each once", ErrConfig,
				strings.Join(all, ","), strings.Join(Dialects, ", "))
		}
	}
	return nil
}

// appendSubscribe asks for tokens.
func appendSubscribe(dst []byte, dialect string, tokens []uint32) []byte {
	var p []byte
	switch {
	case typed(dialect):
		p = append(p, `{"op":"subscribe","tokens":[`...)
		for _, t := range tokens {
			p = append(appendQuoted(p, t), ',')
		}
		p = appendMode(append(p[:len(p)-1], ']'), dialect)
	case dialect == dialectNATS:
		p = append(p, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"...)
		for i, t := range tokens {
			p = append(append(append(p, "SUB "...), tokenName(int(t))...), ' ')
			p = append(strconv.AppendInt(p, int64(i+1), 10), "\r\n"...)
		}
		return appendClientFrame(dst, proto.OpBinary, append(p, "PING\r\n"...))
	default:
		p = appendNames(append(p, "subscribe|"...), tokens)
	}
	return appendClientFrame(dst, proto.OpText, p)
}

// appendResume asks for all ticks since those that were seen, and then for a pong: a
// server answers in order, so that the pong comes behind what was missed.
func appendResume(dst []byte, dialect string, epoch int64, seen places) []byte {
	p := strconv.AppendInt([]byte(`{"op":"subscribe","epoch":`), epoch, 10)
	p = append(p, `,"from":{`...)
	for _, x := range seen {
		if x.token != 0 {
			p = append(appendQuoted(p, x.token-1), ':')
			p = append(strconv.AppendUint(p, uint64(x.last), 10), ',')
		}
	}
	p = appendMode(append(p[:len(p)-1], '}'), dialect)
	dst = appendClientFrame(dst, proto.OpText, p)
	return appendClientFrame(dst, proto.OpText, []byte(`{"op":"ping"}`))
}

func appendQuoted(dst []byte, token uint32) []byte {
	return append(append(append(dst, '"'), tokenName(int(token))...), '"')
}

// appendMode ends a request.
func appendMode(dst []byte, dialect string) []byte {
	if priceAlone(dialect) {
		dst = append(dst, `,"mode":"ltp"`...)
	}
	return append(dst, '}')
}

// appendNames writes A,B,C.
func appendNames(dst []byte, tokens []uint32) []byte {
	for i, t := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, tokenName(int(t))...)
	}
	return dst
}

var (
	natsPing = []byte("PING\r\n")
	natsPong = []byte("PONG\r\n")
	natsMsg  = []byte("MSG ")
	natsErr  = []byte("-ERR")
	crlf     = []byte("\r\n")
)

// nextNATS takes one message off the beginning of p: its payload if it is a MSG,
// else its line. ok is false while p holds no whole one.
//
//	MSG NSE:100001 1 104␍␊{…}␍␊
func nextNATS(p []byte) (line, payload, rest []byte, ok bool, err error) {
	end := bytes.Index(p, crlf)
	if end < 0 {
		return nil, nil, p, false, nil
	}
	line, rest = p[:end], p[end+len(crlf):]
	if !bytes.HasPrefix(line, natsMsg) {
		return line, nil, rest, true, nil
	}
	size := line[bytes.LastIndexByte(line, ' ')+1:]
	n, good := digits(size)
	if !good || len(size) == 0 || n > frameBytesMax {
		return nil, nil, p, false, fmt.Errorf("%w: %.80q", errFrame, line)
	}
	if int64(len(rest)) < n+int64(len(crlf)) {
		return nil, nil, p, false, nil
	}
	return line, rest[:n], rest[n+int64(len(crlf)):], true, nil
}
