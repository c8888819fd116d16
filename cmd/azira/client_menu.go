package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"azira/client"
)

const menuText = `
1. Register
2. Login
3. Subscribe to token
4. ZMQ test subscriber
5. Exit
`

// A menu is the original client's: choices by number until exit or the end of
// input. It keeps one login, which choice 3 uses.
type menu struct {
	c     clientConfig
	tm    *terminal
	visit *visit // nil while nobody is logged in
}

// clientMenu runs the menu. Standard input that is no terminal is read line by
// line all the same, passwords too.
func clientMenu(ctx context.Context, c clientConfig, _ []string, tm *terminal) error {
	m := &menu{c: c, tm: tm}
	defer m.logout()
	for {
		fmt.Fprint(tm.out, menuText)
		choice, err := tm.ask(ctx, "Choice: ")
		if err != nil {
			return m.end(ctx, err)
		}
		if choice == "5" || choice == "q" || choice == "exit" {
			return nil
		}
		err = m.choose(ctx, choice)
		switch {
		case ctx.Err() != nil || errors.Is(err, io.EOF):
			return m.end(ctx, err)
		case err != nil:
			fmt.Fprintln(tm.out, printable(explain(err, c).Error()))
		}
	}
}

// end takes the end of input and an interrupt for exit.
func (m *menu) end(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (m *menu) choose(ctx context.Context, choice string) error {
	switch choice {
	case "1":
		return m.register(ctx)
	case "2":
		return m.login(ctx)
	case "3":
		return m.subscribe(ctx)
	case "4":
		return m.bus(ctx)
	}
	fmt.Fprintln(m.tm.out, "Choose a number from 1 to 5.")
	return nil
}

func (m *menu) register(ctx context.Context) error {
	name, password, err := m.who(ctx)
	if err != nil {
		return err
	}
	auth, err := client.NewAuth(m.c.server)
	if err != nil {
		return err
	}
	defer auth.Close()
	if _, err := auth.Register(ctx, name, password); err != nil {
		return err
	}
	fmt.Fprintf(m.tm.out, "Registered %q. Now log in.\n", name)
	return nil
}

func (m *menu) login(ctx context.Context) error {
	name, password, err := m.who(ctx)
	if err != nil {
		return err
	}
	v, err := enter(ctx, m.c, name, password, false)
	if err != nil {
		return err
	}
	m.logout()
	m.visit = v
	fmt.Fprintf(m.tm.out, "Logged in as %q.\n", name)
	return nil
}

func (m *menu) who(ctx context.Context) (name, password string, err error) {
	if name, err = m.tm.ask(ctx, "User: "); err != nil {
		return "", "", err
	}
	password, err = m.tm.askSecret(ctx, "Password: ")
	return name, password, err
}

func (m *menu) subscribe(ctx context.Context) error {
	if m.visit == nil {
		fmt.Fprintln(m.tm.out, "Log in first (2).")
		return nil
	}
	tokens, o, err := m.what(ctx, "Tokens, with commas between: ")
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		fmt.Fprintln(m.tm.out, "No tokens named.")
		return nil
	}
	return m.visit.watch(ctx, tokens, o, m.tm, m.stop(o))
}

func (m *menu) bus(ctx context.Context) error {
	tokens, o, err := m.what(ctx, "Tokens, with commas between (empty = all): ")
	if err != nil {
		return err
	}
	c := m.c
	c.show = o
	return watchBus(ctx, c, tokens, m.tm, m.stop(o))
}

func (m *menu) what(ctx context.Context, prompt string) ([]string, showOptions, error) {
	o := m.c.show
	words, err := m.tm.ask(ctx, prompt)
	if err != nil {
		return nil, o, err
	}
	number, err := m.tm.ask(ctx, "How many ticks (empty = until Enter): ")
	if err != nil {
		return nil, o, err
	}
	o.count = 0
	if number != "" {
		if o.count, err = strconv.ParseUint(number, 10, 64); err != nil {
			return nil, o, fmt.Errorf("%q is no number of ticks", number)
		}
	}
	return tokensOf([]string{words}), o, nil
}

// stop is the Enter that ends ticks without a count.
func (m *menu) stop(o showOptions) <-chan inputResult {
	if o.count > 0 {
		return nil
	}
	return m.tm.enter()
}

func (m *menu) logout() {
	if m.visit != nil {
		m.visit.leave()
		m.visit = nil
	}
}
