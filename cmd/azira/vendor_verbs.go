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
	"time"
)

const vendorsPath = "/api/v1/vendors"

// A vendorRow is what the admin port says of a vendor.
type vendorRow struct {
	Vendor   string          `json:"vendor"`
	Disabled bool            `json:"disabled"`
	Limits   map[string]*int `json:"limits"`
	Usage    map[string]int  `json:"usage"`
}

func (r *vendorRow) limit(name string) string {
	if n := r.Limits[name]; n != nil {
		return strconv.Itoa(*n)
	}
	return "none"
}

func (r *vendorRow) state() string {
	if r.Disabled {
		return "disabled"
	}
	return "enabled"
}

// A clientRow is what it says of a client.
type clientRow struct {
	Client   string `json:"client"`
	Created  bool   `json:"created_here"`
	Tickets  bool   `json:"tickets"`
	Disabled bool   `json:"disabled"`
	Joined   int64  `json:"joined"`
}

func (v *vendorCall) path(rest string) string {
	return vendorsPath + "/" + url.PathEscape(v.names[0]) + rest
}

func (v *vendorCall) clientPath() string {
	return v.path("/clients/" + url.PathEscape(v.names[1]))
}

func vendorList(ctx context.Context, v *vendorCall) error {
	return v.port.list(ctx, v.tm.out, v.json, vendorsPath, "vendors",
		"NAME\tCLIENTS\tKEYS\tSTREAMS\tLIMIT\tSTATE",
		func(w io.Writer, raw []byte) error {
			var r vendorRow
			if err := json.Unmarshal(raw, &r); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			_, err := fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", printable(r.Vendor),
				r.Usage["clients"], r.Usage["keys"], r.Usage["streams"], r.limit("streams"),
				r.state())
			return err
		})
}

func vendorClients(ctx context.Context, v *vendorCall) error {
	return v.port.list(ctx, v.tm.out, v.json, v.path("/clients"), "clients",
		"NAME\tJOINED\tCREATED\tTICKETS\tSTATE",
		func(w io.Writer, raw []byte) error {
			var r clientRow
			if err := json.Unmarshal(raw, &r); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			state := "enabled"
			if r.Disabled {
				state = "disabled"
			}
			_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", printable(r.Client),
				time.UnixMicro(r.Joined).UTC().Format(time.RFC3339), yesNo(r.Created),
				yesNo(r.Tickets), state)
			return err
		})
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func vendorShow(ctx context.Context, v *vendorCall) error {
	return v.vendor(ctx, "GET", nil)
}

// vendor makes a call that is answered with the vendor, and prints that.
func (v *vendorCall) vendor(ctx context.Context, method string, body any) error {
	text, err := v.port.call(ctx, method, v.path(""), body, http.StatusOK)
	if err != nil {
		return err
	}
	if v.json {
		fmt.Fprintf(v.tm.out, "%s\n", text)
		return nil
	}
	var r vendorRow
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	w := tabwriter.NewWriter(v.tm.out, 0, 0, 2, ' ', 0)
	u := r.Usage
	fmt.Fprintf(w, "name\t%s\nstate\t%s\nclients\t%d\nkeys\t%d\n"+
		"streams\t%d\tlimit %s\ntokens\t\tlimit %s of each\n"+
		"messages\t%d/s\tlimit %s\nbytes\t%d/s\tlimit %s\n"+
		"sent\t%d messages\t%d bytes\nheld up\t%d slowed\t%d refused\n",
		printable(r.Vendor), r.state(), u["clients"], u["keys"],
		u["streams"], r.limit("streams"), r.limit("tokens"),
		u["messages_per_s"], r.limit("messages_per_s"), u["bytes_per_s"], r.limit("bytes_per_s"),
		u["messages"], u["bytes"], u["slowed"], u["refused"])
	return w.Flush()
}

func vendorSet(ctx context.Context, v *vendorCall) error {
	body := map[string]*int{}
	for i, l := range vendorLimitFlags {
		switch text := v.limits[i]; text {
		case "":
		case "none":
			body[l.field] = nil
		default:
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return fmt.Errorf("%w: set: expected --%s N from 1, or none", errUsage, l.flag)
			}
			body[l.field] = &n
		}
	}
	return v.vendor(ctx, "PUT", body)
}

// vendorRemove asks first, since nothing brings keys and group back.
func vendorRemove(ctx context.Context, v *vendorCall) error {
	if !v.yes {
		if v.tm.inFile == nil {
			return fmt.Errorf("%w: remove: give --yes where nobody can be asked", errUsage)
		}
		said, err := v.tm.ask(ctx, "Type the name again to remove the vendor "+
			printable(v.names[0])+": ")
		if err != nil {
			return err
		}
		if said != v.names[0] {
			return errNotDeleted
		}
	}
	return v.do(ctx, "DELETE", v.path(""))
}

func vendorJoin(ctx context.Context, v *vendorCall) error {
	body := map[string]bool{}
	if v.tickets != nil {
		body["tickets"] = *v.tickets
	}
	text, err := v.port.call(ctx, "PUT", v.clientPath(), body, http.StatusOK)
	if err != nil {
		return err
	}
	if v.json {
		fmt.Fprintf(v.tm.out, "%s\n", text)
		return nil
	}
	var r clientRow
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	fmt.Fprintf(v.tm.out, "%s: in the group of %s, tickets: %s\n",
		printable(r.Client), printable(v.names[0]), yesNo(r.Tickets))
	return nil
}

func vendorLeave(ctx context.Context, v *vendorCall) error {
	return v.do(ctx, "DELETE", v.clientPath())
}

// do makes a call that ends something and prints what was done.
func (v *vendorCall) do(ctx context.Context, method, path string) error {
	text, err := v.port.call(ctx, method, path, nil, http.StatusOK)
	if err != nil {
		return err
	}
	if v.json {
		fmt.Fprintf(v.tm.out, "%s\n", text)
		return nil
	}
	var a struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	fmt.Fprintln(v.tm.out, printable(v.names[len(v.names)-1])+": "+printable(a.Message))
	return nil
}
