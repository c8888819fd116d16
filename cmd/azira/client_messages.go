package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"azira/client"
)

// A messageConfig is what the flags about messages say.
type messageConfig struct {
	out    client.Outgoing // send
	limit  uint64          // inbox: messages, 0 = all
	newest bool
	ack    bool // inbox, watch
}

func (c *messageConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.out.To, "to", "", "")
	fs.StringVar(&c.out.Kind, "type", "", "")
	fs.Uint64Var(&c.out.ReplyTo, "reply-to", 0, "")
	fs.DurationVar(&c.out.TTL, "ttl", 0, "")
	fs.StringVar(&c.out.Key, "key", "", "")
	fs.Uint64Var(&c.limit, "limit", inboxShown, "")
	fs.BoolVar(&c.newest, "newest", false, "")
	fs.BoolVar(&c.ack, "ack", false, "")
}

// clientSend sends one message and prints its id.
func clientSend(ctx context.Context, c clientConfig, words []string, tm *terminal) error {
	m := c.message.out
	switch {
	case m.To == "":
		return fmt.Errorf("%w: send needs --to NAME, whom it goes to", errUsage)
	case len(words) == 0:
		return fmt.Errorf("%w: send needs a text; - takes it from standard input", errUsage)
	case words[0] == "-" && len(words) == 1 && c.passwordFile == "-":
		return fmt.Errorf("%w: standard input can't have both the password and the text", errUsage)
	}
	name, password, err := who(ctx, c, tm, false)
	if err != nil {
		return err
	}
	if m.Content, err = contentOf(words, tm.in); err != nil {
		return err
	}
	if m.Key == "" {
		m.Key = rand.Text()
	}
	v, err := enter(ctx, c, name, password, false)
	if err != nil {
		return err
	}
	defer v.leave()
	got, err := v.send(ctx, m)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(tm.out).Encode(map[string]uint64{"id": got.ID,
			"ts": uint64(got.Time.UnixMicro())})
	}
	fmt.Fprintln(tm.out, "sent", got.ID)
	return nil
}

// contentOf is the words with blanks between, or all of standard input for "-".
func contentOf(words []string, in io.Reader) ([]byte, error) {
	if len(words) != 1 || words[0] != "-" {
		return []byte(strings.Join(words, " ")), nil
	}
	p, err := io.ReadAll(io.LimitReader(in, contentBytesMax+1))
	if err == nil && len(p) > contentBytesMax {
		err = fmt.Errorf("over %d bytes", contentBytesMax)
	}
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return p, nil
}

// send says with an error what can be done about it. Where it is not known whether the
// message was sent, that is its key.
func (v *visit) send(ctx context.Context, m client.Outgoing) (client.Receipt, error) {
	bearer, err := v.keep.Bearer(ctx)
	if err != nil {
		return client.Receipt{}, err
	}
	got, err := v.auth.Send(ctx, bearer, m)
	var refused *client.Error
	switch {
	case err == nil:
		return got, nil
	case errors.Is(err, client.ErrBusy), !errors.As(err, &refused):
		return got, fmt.Errorf("%w: it may have been sent; to try again without sending it twice,"+
			" add --key %s", err, printable(m.Key))
	case refused.Status == http.StatusForbidden:
		return got, fmt.Errorf("%w: you may send to yourself, as a vendor to your clients, and "+
			"with --reply-to to a vendor of yours that wrote to you", err)
	case refused.Status == http.StatusRequestEntityTooLarge:
		return got, fmt.Errorf("%w: send less, or start the server with a greater --message-bytes",
			err)
	}
	return got, err
}

// clientInbox prints messages of the inbox, and acknowledges them if asked to.
func clientInbox(ctx context.Context, c clientConfig, _ []string, tm *terminal) error {
	if c.message.ack && c.message.newest {
		return fmt.Errorf("%w: --ack acknowledges all that is older too: not with --newest",
			errUsage)
	}
	name, password, err := who(ctx, c, tm, false)
	if err != nil {
		return err
	}
	v, err := enter(ctx, c, name, password, false)
	if err != nil {
		return err
	}
	defer v.leave()
	bearer, err := v.keep.Bearer(ctx)
	if err != nil {
		return err
	}
	last, err := v.inbox(ctx, bearer, c.message, tm)
	if err != nil || !c.message.ack || last == 0 {
		return err
	}
	if err := v.auth.AckInbox(ctx, bearer, last); err != nil {
		return err
	}
	fmt.Fprintf(tm.err, "acknowledged up to %d\n", last)
	return nil
}

// inbox prints pages up to the limit, and gives the id of the last message.
func (v *visit) inbox(ctx context.Context, bearer string, o messageConfig, tm *terminal) (
	last uint64, err error) {
	q := client.InboxQuery{Newest: o.newest, Limit: inboxPage}
	if o.limit > 0 {
		q.Limit = int(min(o.limit, inboxPage))
	}
	var page client.InboxPage
	n, more := uint64(0), false
	for page, err = range v.auth.InboxPages(ctx, bearer, q) {
		if err != nil {
			return last, err
		}
		for _, m := range page.Messages {
			if more = o.limit > 0 && n == o.limit; more {
				break
			}
			writeInbox(tm.out, m)
			n, last = n+1, m.ID
		}
		if more = more || page.Next != 0 && n == o.limit; more {
			break
		}
	}
	said := fmt.Sprintf("%d messages shown, %d unread", n, page.Unread)
	if more {
		said += "; there are more: --limit 0 shows all"
	}
	fmt.Fprintln(tm.err, said)
	return last, nil
}

// writeInbox prints one line, with a star if it is unread.
func writeInbox(w io.Writer, m client.InboxMessage) {
	mark := " "
	if m.Unread {
		mark = "*"
	}
	at := m.Time.Format("2006-01-02 15:04:05")
	fmt.Fprintf(w, "%s %s %s\n", mark, at, messageWords(m.Message))
}

// messageWords is a message on one line, without its time: that it is one, its id, its
// sender, what else is to be known, and its content.
func messageWords(m client.Message) string {
	var notes []string
	if m.Kind != "text" {
		notes = append(notes, m.Kind)
	}
	if m.Group != "" {
		notes = append(notes, "to the group of "+m.Group)
	}
	if m.ReplyTo != 0 {
		notes = append(notes, fmt.Sprintf("answers %d", m.ReplyTo))
	}
	if m.Redelivered {
		notes = append(notes, "again")
	}
	if m.Missed > 0 {
		notes = append(notes, fmt.Sprintf("%d before it are gone", m.Missed))
	}
	about := ""
	if notes != nil {
		about = " (" + strings.Join(notes, ", ") + ")"
	}
	content := string(m.Content)
	if !utf8.Valid(m.Content) {
		some := m.Content[:min(len(m.Content), hexBytesMax)]
		content = fmt.Sprintf("%d bytes, %x", len(m.Content), some)
	}
	return printable(fmt.Sprintf("message %d from %s%s: %s", m.ID, m.From, about, content))
}

// An acker acknowledges what was shown, and makes nobody wait for that.
type acker struct {
	ids  chan uint64 // of one place: the newest
	done chan struct{}
}

func newAcker(s *client.Stream, tm *terminal) *acker {
	a := &acker{ids: make(chan uint64, 1), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		for id := range a.ids {
			ctx, cancel := context.WithTimeout(context.Background(), confirmTimeout)
			err := s.Ack(ctx, id)
			cancel()
			if err != nil && !errors.Is(err, client.ErrClosed) {
				fmt.Fprintf(tm.err, "not acknowledged: %s\n", printable(err.Error()))
			}
		}
	}()
	return a
}

// shown is called by one goroutine.
func (a *acker) shown(id uint64) {
	select {
	case <-a.ids:
	default:
	}
	a.ids <- id
}

// close waits for the last ack, but not for long.
func (a *acker) close() {
	close(a.ids)
	select {
	case <-a.done:
	case <-time.After(goodbyeTimeout):
	}
}
