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
