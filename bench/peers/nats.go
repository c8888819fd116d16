package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A natsBridge publishes every tick to an embedded nats-server, the token being
// the subject. It belongs to the feed's goroutine.
type natsBridge struct {
	conn     *nats.Conn
	subjects map[string]string // by token; "" if NATS can't carry it
	tally    tally
}

// runNATS serves with the defaults of nats-server, but for these.
func runNATS(ctx context.Context, o options, ready func(string)) error {
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return err
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "peer",
		DontListen: true, // only WebSocket and this process: no listener to tend besides
		NoSigs:     true, // signals are ours
		NoLog:      true, // nothing is written per connection
		Websocket: server.WebsocketOpts{
			Host: host, Port: port,
			NoTLS:       true,  // as all here
			Compression: false, // as all here
		},
		// A client that lags is given up after nats-server's own 64 MiB and 10 s.
	})
	if err != nil {
		return fmt.Errorf("new server: %w", err)
	}
	srv.Start()
	defer func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	}()
	if !srv.ReadyForConnections(readyTimeout) {
		return errNotReady
	}
	// In process: no socket between the bridge and the server. Subjects are checked
	// here, once per token, so the client library need not do it for each tick.
	conn, err := nats.Connect("", nats.InProcessServer(srv), nats.SkipSubjectValidation(),
		nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("connect in process: %w", err)
	}
	defer conn.Close()
	ready(strings.TrimPrefix(srv.WebsocketURL(), "ws://"))
	b := &natsBridge{conn: conn, subjects: map[string]string{}}
	err = subscribe(ctx, o, b)
	b.tally.dropped += uint64(srv.NumSlowConsumers()) // clients, not ticks: it tells no more
	b.tally.tell(o.Stderr, "nats")
	return err
}

// splitListen takes an address apart as nats-server wants it: -1 is any free port.
func splitListen(listen string) (host string, port int, err error) {
	a, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", errListen, err)
	}
	if a.Port == 0 {
		a.Port = server.RANDOM_PORT
	}
	return a.IP.String(), a.Port, nil
}

// Tick implements feed.Sink. The library gathers what is published and writes it
// when its own goroutine gets to run.
func (b *natsBridge) Tick(topic, data []byte, _ int64) {
	b.tally.ticks++
	subject, ok := b.subjects[string(topic)]
	if !ok {
		subject = natsSubject(string(topic))
		b.subjects[string(topic)] = subject
	}
	if subject == "" || b.conn.Publish(subject, data) != nil {
		b.tally.dropped++
		return
	}
	b.tally.delivered++
}

// Flush implements feed.Sink. There is nothing to do: to wait for the server, as
// the library's Flush does, would only hold up the feed.
func (b *natsBridge) Flush() {}

// natsSubject is a token as a subject, "" if it would be none: blanks end a
// subject, * and > are patterns, and between dots there must be something.
func natsSubject(token string) string {
	if strings.ContainsAny(token, " \t*>") {
		return ""
	}
	for part := range strings.SplitSeq(token, ".") {
		if part == "" {
			return ""
		}
	}
	return token
}
