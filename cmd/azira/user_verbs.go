package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
)

const usersPath = "/api/v1/users"

// An accountRow is what the admin port says of an account.
type accountRow struct {
	Username string `json:"username"`
	Created  string `json:"created_at"`
	Issuer   bool   `json:"issuer"`
	Disabled bool   `json:"disabled"`
	Limit    *int   `json:"streams_limit"`
	Streams  int    `json:"streams"`
	Sessions *int   `json:"sessions"`
	Open     []struct {
		ID      string `json:"id"`
		Address string `json:"address"`
		Agent   string `json:"agent"`
		Since   string `json:"since"`
		Dialect string `json:"dialect"`
		Tokens  int    `json:"tokens"`
	} `json:"open"`
}

func (r *accountRow) limit() string {
	switch {
	case r.Limit == nil:
		return "default"
	case *r.Limit == 0:
		return "none"
	}
	return strconv.Itoa(*r.Limit)
}

func (r *accountRow) state() string {
	switch {
	case r.Disabled:
		return "disabled"
	case r.Issuer:
		return "issuer's"
	}
	return "enabled"
}

func (u *userCall) path(rest string) string {
	return usersPath + "/" + url.PathEscape(u.name) + rest
}

func userList(ctx context.Context, u *userCall) error {
	return u.port.list(ctx, u.tm.out, u.json, usersPath, "users",
		"NAME\tCREATED\tSTREAMS\tLIMIT\tSTATE",
		func(w io.Writer, raw []byte) error {
			var r accountRow
			if err := json.Unmarshal(raw, &r); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			_, err := fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n",
				printable(r.Username), dash(r.Created), r.Streams, r.limit(), r.state())
			return err
		})
}

func userShow(ctx context.Context, u *userCall) error {
	text, err := u.port.call(ctx, "GET", u.path(""), nil, http.StatusOK)
	if err != nil {
		return err
	}
	if u.json {
		fmt.Fprintf(u.tm.out, "%s\n", text)
		return nil
	}
	var r accountRow
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	sessions := "-"
	if r.Sessions != nil {
		sessions = strconv.Itoa(*r.Sessions)
	}
	fmt.Fprintf(u.tm.out, "name      %s\ncreated   %s\nstate     %s\nlimit     %s\n"+
		"sessions  %s\nstreams   %d\n", printable(r.Username), dash(r.Created), r.state(),
		r.limit(), sessions, r.Streams)
	if len(r.Open) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(u.tm.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nSTREAM\tSINCE\tADDRESS\tDIALECT\tTOKENS\tAGENT")
	for _, st := range r.Open {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", printable(st.ID), printable(st.Since),
			printable(st.Address), printable(st.Dialect), st.Tokens, printable(st.Agent))
	}
	return w.Flush()
}

// userDeed is a verb that needs nothing but a name.
func userDeed(method, rest string) func(context.Context, *userCall) error {
	return func(ctx context.Context, u *userCall) error { return u.do(ctx, method, rest, nil) }
}

// do makes a call that changes something and prints what was done.
func (u *userCall) do(ctx context.Context, method, rest string, body any) error {
	text, err := u.port.call(ctx, method, u.path(rest), body, http.StatusOK)
	if err != nil {
		return err
	}
	if u.json {
		fmt.Fprintf(u.tm.out, "%s\n", text)
		return nil
	}
	var a struct {
		Message string `json:"message"`
		Streams *int   `json:"streams"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	said := printable(u.name) + ": " + printable(a.Message)
	if a.Streams != nil {
		said += fmt.Sprintf(", streams closed: %d", *a.Streams)
	}
	fmt.Fprintln(u.tm.out, said)
	return nil
}

func userLimits(ctx context.Context, u *userCall) error {
	var n *int
	switch u.streams {
	case "default":
	case "none":
		n = new(int)
	default:
		v, err := strconv.Atoi(u.streams)
		if err != nil || v < 1 {
			return fmt.Errorf("%w: limits: expected --streams N from 1, none or default", errUsage)
		}
		n = &v
	}
	return u.do(ctx, "PUT", "/limits", map[string]*int{"streams": n})
}

func userPassword(ctx context.Context, u *userCall) error {
	c := clientConfig{user: u.name, passwordFile: u.passwordFile}
	_, password, err := who(ctx, c, u.tm, true)
	if err != nil {
		return err
	}
	return u.do(ctx, "PUT", "/password", map[string]string{"password": password})
}

// userDelete asks first, since nothing brings an account back.
func userDelete(ctx context.Context, u *userCall) error {
	if !u.yes {
		if u.tm.inFile == nil {
			return fmt.Errorf("%w: delete: give --yes where nobody can be asked", errUsage)
		}
		said, err := u.tm.ask(ctx, "Type the name again to delete "+printable(u.name)+": ")
		if err != nil {
			return err
		}
		if said != u.name {
			return errNotDeleted
		}
	}
	return u.do(ctx, "DELETE", "", nil)
}
