package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A verb is one thing that a command of operators does, of so many names.
type verb[C any] struct {
	name  string
	names int
	run   func(ctx context.Context, call C) error
}

// pickVerb finds the verb among a command's words, and the names behind it. takes says what
// a verb of 0, 1 … names wants.
func pickVerb[C any](verbs []verb[C], words, takes []string) (*verb[C], []string, error) {
	all := make([]string, len(verbs))
	for i := range verbs {
		all[i] = verbs[i].name
	}
	if len(words) == 0 {
		return nil, nil, fmt.Errorf("%w: expected one of %s", errUsage, strings.Join(all, ", "))
	}
	i := slices.Index(all, words[0])
	if i < 0 {
		return nil, nil, fmt.Errorf("%w: %q is none of %s", errUsage, words[0],
			strings.Join(all, ", "))
	}
	v, names := &verbs[i], words[1:]
	switch {
	case v.names == 0 && len(names) > 0:
		return nil, nil, fmt.Errorf("%w: %s takes no words but flags, got %q", errUsage, v.name,
			names[0])
	case len(names) != v.names || slices.Contains(names, ""):
		return nil, nil, fmt.Errorf("%w: %s takes %s", errUsage, v.name, takes[v.names])
	}
	return v, names, nil
}

// list asks for one page of a list after the other and writes what is in them: a table, by
// row, or each as a line of JSON.
func (p *adminPort) list(
	ctx context.Context, to io.Writer, asJSON bool, path, of, head string,
	row func(w io.Writer, raw []byte) error,
) error {
	out := bufio.NewWriter(to)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if asJSON {
		row = func(_ io.Writer, raw []byte) error {
			_, err := fmt.Fprintf(out, "%s\n", raw)
			return err
		}
	} else {
		fmt.Fprintln(w, head)
	}
	for after := ""; ; {
		text, err := p.call(ctx, "GET", path+"?limit="+strconv.Itoa(usersPage)+
			"&after="+url.QueryEscape(after), nil, http.StatusOK)
		if err != nil {
			return err // and no heads of an empty table
		}
		var page map[string]json.RawMessage
		var rows []json.RawMessage
		after = ""
		err = json.Unmarshal(text, &page)
		if err == nil {
			err = json.Unmarshal(page[of], &rows)
		}
		if next := page["next"]; err == nil && next != nil {
			err = json.Unmarshal(next, &after)
		}
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		for _, raw := range rows {
			if err := row(w, raw); err != nil {
				return err
			}
		}
		if err := errors.Join(w.Flush(), out.Flush()); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if after == "" {
			return nil
		}
	}
}
