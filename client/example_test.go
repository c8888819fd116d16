package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"azira/client"
)

// A program that logs in and prints ticks until it is interrupted; reconnects
// and renewals of the bearer go by unseen.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	const server = "http://127.0.0.1:8000"
	auth, err := client.NewAuth(server)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	cred, err := auth.Login(ctx, "zoe", os.Getenv("AZIRA_PASSWORD"))
	if err != nil {
		log.Fatal(err)
	}
	s, err := client.OpenStream(ctx, client.StreamOptions{
		Server: server,
		Bearer: auth.Keep(cred).Bearer,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Subscribe(ctx, "NSE:26009", "NSE:26000"); err != nil {
		log.Print(err)
		return
	}
	for {
		select {
		case t, ok := <-s.Ticks():
			if !ok {
				log.Print(s.Err())
				return
			}
			fmt.Printf("%s %s\n", t.Token, t.Data)
		case <-ctx.Done():
			return
		}
	}
}

func ExampleAuth_Register() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	auth, err := client.NewAuth("http://127.0.0.1:8000")
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	_, err = auth.Register(ctx, "zoe", os.Getenv("AZIRA_PASSWORD"))
	var refused *client.Error
	switch {
	case errors.Is(err, client.ErrTaken):
		fmt.Println("choose another name")
	case errors.As(err, &refused):
		fmt.Println("the server says:", refused.Detail)
	case err != nil:
		fmt.Println("not reached:", err)
	}
}

func ExampleStream_Subscribe() {
	ctx := context.Background()
	var s *client.Stream // from OpenStream
	err := s.Subscribe(ctx, "NSE:26009", "NSE:nosuch")
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		fmt.Println("not known:", refused.Tokens)
	}
}

func ExampleOpenBus() {
	o := client.BusOptions{Tokens: []string{"NSE:26009"}}
	bus, err := client.OpenBus("tcp://127.0.0.1:5556", o)
	if err != nil {
		log.Fatal(err)
	}
	defer bus.Close()
	for t := range bus.Ticks() {
		q, err := t.Quote()
		if err != nil {
			continue
		}
		fmt.Println(t.Token, q.Last)
	}
}

// A stream of prices alone, at most four a second of each token, that says when
// anything is missing.
func ExampleStream_SubscribeWith() {
	ctx := context.Background()
	s, err := client.OpenStream(ctx, client.StreamOptions{
		Server:  "http://127.0.0.1:8000",
		Bearer:  client.Fixed(os.Getenv("AZIRA_BEARER")),
		Dialect: client.Binary,
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer s.Close()
	o := client.SubscribeOptions{Mode: client.ModeLTP, MaxRate: 4}
	ack, err := s.SubscribeWith(ctx, o, "NSE:26009", "NSE:nosuch")
	if err != nil {
		log.Print(err)
		return
	}
	for _, f := range ack.Failed {
		fmt.Println("not subscribed:", f)
	}
	for t := range s.Ticks() {
		if t.Gap != nil {
			fmt.Println(t.Gap)
		}
		fmt.Println(t.Token, t.Seq, t.LTP, t.Skipped)
	}
}

func ExampleStream_Events() {
	var s *client.Stream // from OpenStream
	for e := range s.Events() {
		switch e := e.(type) {
		case client.Feed:
			if e.State != client.FeedLive {
				fmt.Println("prices are old:", e.Age)
			}
		case client.Drain:
			fmt.Println("back at", e.Again)
		case client.Gap:
			fmt.Println("missing for good:", e)
		case client.Dropped:
			fmt.Println("no longer held:", e.Token)
		}
	}
}

// A worker that has done with a message before it acknowledges it.
func ExampleStream_Ack() {
	ctx := context.Background()
	var s *client.Stream // from OpenStream
	for m := range s.Messages() {
		fmt.Printf("%s: %s\n", m.From, m.Content)
		if err := s.Ack(ctx, m.ID); err != nil {
			log.Print(err)
		}
	}
}

// A message that is sent once, however often the call has to be made.
func ExampleAuth_Send() {
	ctx := context.Background()
	var auth *client.Auth // from NewAuth
	m := client.Outgoing{To: "ana", Content: []byte("hello"), Key: "order-4711-done"}
	for {
		_, err := auth.Send(ctx, os.Getenv("AZIRA_BEARER"), m)
		var refused *client.Error
		if err == nil || errors.As(err, &refused) && !errors.Is(err, client.ErrBusy) {
			fmt.Println(err)
			return
		}
		time.Sleep(time.Second)
	}
}

func ExampleAuth_InboxPages() {
	ctx := context.Background()
	var auth *client.Auth // from NewAuth
	q := client.InboxQuery{Since: time.Now().Add(-time.Hour)}
	for page, err := range auth.InboxPages(ctx, os.Getenv("AZIRA_BEARER"), q) {
		if err != nil {
			log.Print(err)
		}
		for _, m := range page.Messages {
			fmt.Printf("%s: %s\n", m.From, m.Content)
		}
	}
}

func ExampleStream_Complete() {
	var s *client.Stream // from OpenStream
	switch p := s.Complete(); p.State {
	case client.Complete:
		fmt.Println("nothing is missing up to", p.At)
	case client.Incomplete:
		fmt.Println("missing for now, or lost:", p.Lost)
	case client.Unproven:
		fmt.Println("no heartbeat yet")
	}
}
