package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"azira/proto"
)

// An nchanPublisher publishes ticks to nginx over its Unix socket: one WebSocket
// per channel, since nchan takes the channel from the URL, and since a frame costs
// nginx less than a POST. It belongs to the feed's goroutine.
type nchanPublisher struct {
	socket   string
	channels map[string]*nchanChannel // by token
	dirty    []*nchanChannel          // with ticks not written yet
	log      io.Writer
	tally    tally
}

// An nchanChannel is the connection of one token. nil conn: it could not be had,
// and its ticks are dropped.
type nchanChannel struct {
	conn net.Conn
	out  []byte // frames of this burst
}

// Tick implements feed.Sink.
func (p *nchanPublisher) Tick(topic, data []byte, _ int64) {
	p.tally.ticks++
	c, ok := p.channels[string(topic)]
	if !ok {
		c = p.open(string(topic))
		p.channels[string(topic)] = c
	}
	if c.conn == nil {
		p.tally.dropped++
		return
	}
	if len(c.out) == 0 {
		p.dirty = append(p.dirty, c)
	}
	c.out = appendMasked(c.out, data)
	p.tally.delivered++
}

// Flush implements feed.Sink: one write per channel and burst. It waits for nginx,
// which then falls behind the feed as a whole.
func (p *nchanPublisher) Flush() {
	for _, c := range p.dirty {
		if _, err := c.conn.Write(c.out); err != nil {
			fmt.Fprintf(p.log, "peers: nchan: publish: %v\n", err)
			c.conn.Close() //nolint:errcheck // it is broken
			c.conn = nil
		}
		c.out = c.out[:0]
	}
	p.dirty = p.dirty[:0]
}

func (p *nchanPublisher) open(token string) *nchanChannel {
	conn, err := dialChannel(p.socket, channelPath(token))
	if err != nil {
		fmt.Fprintf(p.log, "peers: nchan: channel %s: %v\n", token, err)
		return &nchanChannel{}
	}
	return &nchanChannel{conn: conn}
}

func (p *nchanPublisher) close() {
	for _, c := range p.channels {
		if c.conn != nil {
			c.conn.Close() //nolint:errcheck // nginx ends next
		}
	}
}

// dialChannel upgrades a connection to nginx. What nchan answers to each message,
// how many there are, is read away.
func dialChannel(socket, path string) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", socket, writeTimeout)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	rd, err := upgrade(conn, path)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go io.Copy(io.Discard, rd) //nolint:errcheck // writing will hear of it
	return conn, nil
}

func upgrade(conn net.Conn, path string) (*bufio.Reader, error) {
	if err := conn.SetDeadline(time.Now().Add(writeTimeout)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	_, err := io.WriteString(conn, strings.Join([]string{
		"GET " + path + " HTTP/1.1", "Host: peers", "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
	}, "\r\n"))
	if err != nil {
		return nil, fmt.Errorf("ask for upgrade: %w", err)
	}
	rd := bufio.NewReaderSize(conn, 1<<10)
	res, err := http.ReadResponse(rd, nil)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("%w: %s", errNotUpgraded, res.Status)
	}
	return rd, conn.SetDeadline(time.Time{})
}

// appendMasked appends a client's text frame. Its mask is zero, which RFC 6455
// allows to parse: the payload stays as it is, and neither side pays for masking.
func appendMasked(dst, p []byte) []byte {
	const masked = 0x80
	at := len(dst)
	dst = proto.AppendHeader(dst, proto.OpText, len(p))
	dst[at+1] |= masked
	dst = binary.BigEndian.AppendUint32(dst, 0)
	return append(dst, p...)
}
