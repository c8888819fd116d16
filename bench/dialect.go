package bench

import (
	"bytes"
	"fmt"
	"strconv"

	"azira/proto"
)

// Dialects in which clients talk to a server.
const (
	dialectText = "text" // subscribe|A,B, and a text frame for each tick
	dialectNATS = "nats" // the protocol of NATS inside binary frames
	dialectURL  = "url"  // GET /sub/A,B, and a text frame for each tick
)

// appendSubscribe asks for tokens.
func appendSubscribe(dst []byte, dialect string, tokens []uint32) []byte {
	var p []byte
	if dialect == dialectNATS {
		p = append(p, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"...)
		for i, t := range tokens {
			p = append(append(append(p, "SUB "...), tokenName(int(t))...), ' ')
			p = append(strconv.AppendInt(p, int64(i+1), 10), "\r\n"...)
		}
		return appendClientFrame(dst, proto.OpBinary, append(p, "PING\r\n"...))
	}
	return appendClientFrame(dst, proto.OpText, appendNames(append(p, "subscribe|"...), tokens))
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
