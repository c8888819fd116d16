package client

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// A Message is one to the account, from a stream or the inbox.
type Message struct {
	ID          uint64    // strictly increases, in the whole server
	From        string    // who sent it
	Time        time.Time // when the server accepted it
	Kind        string    // what its sender called it; "text" unless said otherwise
	Content     []byte
	ReplyTo     uint64 // ID of the message that it answers; 0 = none
	Group       string // the vendor to whose group it was sent; empty: to this account
	Redelivered bool   // it may have come before, and was not acknowledged
	Missed      uint64 // messages before it that are gone, which nobody had acknowledged
}

// MessagesMode says whether a Stream gets the messages to its account.
type MessagesMode string

const (
	MessagesDefault MessagesMode = "" // on in the typed dialects, off in Text
	MessagesOn      MessagesMode = "1"
	MessagesOff     MessagesMode = "0"
)

func (m MessagesMode) known() bool {
	return m == MessagesDefault || m == MessagesOn || m == MessagesOff
}

// Missed is messages that had to make room before anybody had acknowledged them. The
// Message that follows has their number too.
type Missed struct{ Count uint64 }

func (Missed) event() {}

func (m Missed) String() string {
	return fmt.Sprintf("%d messages are gone that nobody had acknowledged", m.Count)
}

// A letter is what an event and the history have in common of a message.
type letter struct {
	From     origin `json:"from"`
	Kind     string `json:"kind"`
	Encoding string `json:"encoding"`
	Content  string `json:"content"`
	ReplyTo  uint64 `json:"reply_to"`
	Group    string `json:"group"`
}

// message is the letter opened; false if it is written in a way that we do not know.
func (l *letter) message(id uint64, ts int64) (Message, bool) {
	m := Message{ID: id, From: l.From.name, Time: time.UnixMicro(ts), Kind: l.Kind,
		Content: []byte(l.Content), ReplyTo: l.ReplyTo, Group: l.Group}
	switch l.Encoding {
	case "":
		return m, true
	case "base64":
		var err error
		m.Content, err = base64.StdEncoding.DecodeString(l.Content)
		return m, err == nil
	}
	return m, false
}

// An origin is who a message is from, or where a gap begins.
type origin struct {
	name string
	seq  int64
}

func (o *origin) UnmarshalJSON(p []byte) error {
	if len(p) > 0 && p[0] == '"' {
		return json.Unmarshal(p, &o.name)
	}
	return json.Unmarshal(p, &o.seq)
}

// message is a frame's, of type msg.
func (f *frame) message() (Message, bool) {
	id, err := strconv.ParseUint(string(f.ID), 10, 64)
	if err != nil || id == 0 || id > numberMax {
		return Message{}, false
	}
	m, ok := f.letter.message(id, f.TS)
	m.Redelivered = f.Redelivered
	return m, ok
}

// catchUp is the goroutine of a session that left messages with the server: it ends it as
// soon as another connection would bring them.
func (x *session) catchUp() {
	look := time.NewTicker(behindEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-x.done:
			return
		}
		if x.s.post.behind() {
			x.replaced.Store(true)
			x.leave()
			return
		}
	}
}

// A postbox is the channel of a Stream's messages. As that of ticks, it never makes the
// reader wait. But no message gives way to another: whoever acknowledges the later one
// would have acknowledged both. When it is full, that message and all behind it are left
// with the server, and come on another connection.
type postbox struct {
	out chan Message

	mu    sync.Mutex
	ended bool
	full  bool   // what comes on this connection is left with the server
	first uint64 // id of the first message of this connection
	acked uint64 // all up to it are, by Ack
	left  uint64 // messages, on all connections
}

func newPostbox() *postbox { return &postbox{out: make(chan Message, messagesMax)} }

// begin makes ready for a connection, before it is read from.
func (b *postbox) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.first = 0
	b.full = false
}

// put says true for the first message that is left.
func (b *postbox) put(m Message) (leaves bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	if b.first == 0 {
		b.first = m.ID
	}
	if !b.full {
		select {
		case b.out <- m:
			return false
		default:
		}
	}
	b.left++
	leaves, b.full = !b.full, true
	return leaves
}

func (b *postbox) ack(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked = max(b.acked, id)
}

// behind says whether the connection is to be replaced: it left messages with the server,
// what waited is taken, and some of it is acknowledged, so that the next one gets further.
func (b *postbox) behind() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full && len(b.out) == 0 && b.acked >= b.first
}

func (b *postbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended = true
		close(b.out)
	}
}

func (b *postbox) leftBehind() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left
}
