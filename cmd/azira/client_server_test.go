package main

import (
	"errors"
	"testing"
	"time"

	"azira/client"
)

// The client package against the real server: what its own tests ask of a fake.
func TestClientAgainstServer(t *testing.T) {
	out, errs, _ := startDemo(t, demoOn(t))
	url := awaitOutput(t, out, errs, `running: (\S+),`)[1]
	auth, err := client.NewAuth(url)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	ctx := t.Context()
	const name, password = "Zoë", "a good password"
	cred, err := auth.Register(ctx, name, password)
	if err != nil || cred.Bearer == "" || cred.ClientID == "" || cred.Expires.IsZero() {
		t.Fatalf("register: %v", err)
	}
	if _, err := auth.Register(ctx, name, password); !errors.Is(err, client.ErrTaken) {
		t.Fatalf("register again: %v", err)
	}
	if _, err := auth.Login(ctx, name, "another password"); !errors.Is(err, client.ErrCredentials) {
		t.Fatalf("wrong password: %v", err)
	}
	if cred, err = auth.Login(ctx, name, password); err != nil || cred.RefreshToken == "" {
		t.Fatalf("login: %v", err)
	}
	fresh, err := auth.Refresh(ctx, cred.RefreshToken)
	if err != nil || fresh.RefreshToken == cred.RefreshToken {
		t.Fatalf("refresh: %v", err)
	}
	if ticket, err := auth.Ticket(ctx, fresh.Bearer); err != nil || ticket == "" {
		t.Fatalf("ticket: %v", err)
	}
	streamsAgainstServer(t, auth, url, name, fresh)
}

func streamsAgainstServer(t *testing.T, auth *client.Auth, url, name string,
	cred client.Credential) {
	ctx := t.Context()
	open := func(o client.StreamOptions) *client.Stream {
		t.Helper()
		o.Server, o.Bearer = url, client.Fixed(cred.Bearer)
		s, err := client.OpenStream(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open(client.StreamOptions{Username: name})
	if err := s.Subscribe(ctx, "NSE:1", "NSE:2"); err != nil {
		t.Fatal(err)
	}
	if err := s.Unsubscribe(ctx, "NSE:2"); err != nil {
		t.Fatal(err)
	}
	if tick := <-s.Ticks(); tick.Token == "" {
		t.Fatalf("tick %s", tick.Data)
	}
	refused := open(client.StreamOptions{})
	if err := refused.Subscribe(ctx, "NSE:7"); !errors.Is(err, client.ErrUnknownToken) {
		t.Fatalf("unknown token: %v", err)
	}
	// The refused one gave its place back, so that three fit and a fourth does not.
	open(client.StreamOptions{})
	open(client.StreamOptions{})
	fourth := open(client.StreamOptions{})
	if err := fourth.Subscribe(ctx, "NSE:1"); !errors.Is(err, client.ErrConnectionLimit) {
		t.Fatalf("fourth stream: %v", err)
	}

	if err := auth.Logout(ctx, cred.Bearer); err != nil {
		t.Fatal(err)
	}
	for late := time.After(5 * time.Second); ; {
		select {
		case _, ok := <-s.Ticks():
			if ok {
				continue
			}
		case <-late:
			t.Fatal("the stream outlives its session by 5 s")
		}
		break
	}
	var closed *client.CloseError
	if !errors.As(s.Err(), &closed) || closed.Code != 3501 {
		t.Fatalf("after logout: %v", s.Err())
	}
	if _, err := auth.Refresh(ctx, cred.RefreshToken); !errors.Is(err, client.ErrUnauthorized) {
		t.Fatalf("refresh after logout: %v", err)
	}
}
