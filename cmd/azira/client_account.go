package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"azira/client"
)

func clientRegister(ctx context.Context, c clientConfig, _ []string, tm *terminal) error {
	return signIn(ctx, c, tm, true, (*client.Auth).Register,
		func(name string, _ client.Credential) string { return fmt.Sprintf("registered %q", name) })
}

func clientLogin(ctx context.Context, c clientConfig, _ []string, tm *terminal) error {
	return signIn(ctx, c, tm, false, (*client.Auth).Login,
		func(_ string, cred client.Credential) string { return cred.Bearer })
}

// An authCall is one of client.Auth that takes a name and a password.
type authCall func(*client.Auth, context.Context, string, string) (client.Credential, error)

// signIn makes one call with a name and a password, and prints the server's
// answer or what words makes of it.
func signIn(ctx context.Context, c clientConfig, tm *terminal, isNew bool,
	call authCall, words func(name string, cred client.Credential) string) error {
	name, password, err := who(ctx, c, tm, isNew)
	if err != nil {
		return err
	}
	auth, err := client.NewAuth(c.server)
	if err != nil {
		return err
	}
	defer auth.Close()
	cred, err := call(auth, ctx, name, password)
	if err != nil {
		return err
	}
	said := words(name, cred)
	if c.json {
		said = string(cred.Answer)
	}
	fmt.Fprintln(tm.out, said)
	return nil
}

// who finds out the account and its password: from the flags, the environment,
// or a terminal, which is asked twice for a password that is new.
func who(ctx context.Context, c clientConfig, tm *terminal, isNew bool) (
	name, password string, err error) {
	name = c.user
	if name == "" && tm.inFile != nil {
		if name, err = tm.ask(ctx, "User: "); err != nil {
			return "", "", err
		}
	}
	if name == "" {
		return "", "", errNoUser
	}
	switch {
	case c.passwordFile != "":
		password, err = passwordFrom(c.passwordFile, tm)
		return name, password, err
	case os.Getenv("AZIRA_PASSWORD") != "":
		return name, os.Getenv("AZIRA_PASSWORD"), nil
	case tm.inFile == nil:
		return "", "", errNoPassword
	}
	password, err = tm.askSecret(ctx, "Password: ")
	if err == nil && isNew {
		var again string
		again, err = tm.askSecret(ctx, "Again: ")
		if err == nil && again != password {
			err = errNotSame
		}
	}
	return name, password, err
}

// passwordFrom reads the first line of a file.
func passwordFrom(name string, tm *terminal) (string, error) {
	var in io.Reader = tm.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		defer f.Close()
		in = f
	}
	p, err := io.ReadAll(io.LimitReader(in, secretBytesMax+1))
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	password, rest, _ := strings.Cut(string(p), "\n")
	password = strings.TrimSuffix(password, "\r")
	if password == "" || strings.TrimSpace(rest) != "" || len(p) > secretBytesMax {
		return "", fmt.Errorf("--password-file: %s must hold one line, the password", name)
	}
	return password, nil
}

// A visit is a login of our own, ended when we go.
type visit struct {
	auth *client.Auth
	keep *client.Keeper
	c    clientConfig
}

// enter logs in, and registers first if asked to and the name is free.
func enter(ctx context.Context, c clientConfig, name, password string, register bool) (
	*visit, error) {
	auth, err := client.NewAuth(c.server)
	if err != nil {
		return nil, err
	}
	if register {
		_, err := auth.Register(ctx, name, password)
		if err != nil && !errors.Is(err, client.ErrTaken) {
			auth.Close()
			return nil, err
		}
	}
	cred, err := auth.Login(ctx, name, password)
	if err != nil {
		auth.Close()
		return nil, err
	}
	return &visit{auth: auth, keep: auth.Keep(cred), c: c}, nil
}

// leave ends the login. A server that is gone has ended it already.
func (v *visit) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTimeout)
	defer cancel()
	_ = v.keep.Logout(ctx)
	v.auth.Close()
}

// open opens a stream that tells tm of its ups and downs.
func (v *visit) open(ctx context.Context, tm *terminal) (*client.Stream, error) {
	return client.OpenStream(ctx, client.StreamOptions{
		Server:  v.c.server,
		Bearer:  v.keep.Bearer,
		Dialect: v.c.dialect,
		Notify: func(ch client.Change) {
			if ch.Connected {
				fmt.Fprintln(tm.err, "connected again")
				return
			}
			pause := ch.Retry.Round(time.Millisecond)
			fmt.Fprintf(tm.err, "%v; trying again in %v\n", ch.Err, pause)
		},
	})
}
