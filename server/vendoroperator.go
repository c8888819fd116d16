package server

import (
	"encoding/json"
	"strconv"

	"azira/auth"
)

// What operators do about vendors, at the admin port:
//
//	GET    /api/v1/vendors?after=&limit=           vendors by name
//	GET    /api/v1/vendors/{name}                  one: limits and usage
//	PUT    /api/v1/vendors/{name}                  makes an account a vendor, or sets limits
//	DELETE /api/v1/vendors/{name}                  a plain account again
//	GET    /api/v1/vendors/{name}/clients          its group
//	PUT    /api/v1/vendors/{name}/clients/{client} into the group, on the client's behalf
//	DELETE /api/v1/vendors/{name}/clients/{client} out of it

func (o *operator) vendors(r *request) answer {
	after, limit, a, ok := pageAsked(r)
	if !ok {
		return a
	}
	list, more := o.auth.Vendors(after, limit)
	vendors := make([]seenVendor, len(list))
	for i := range list {
		vendors[i] = vendorSeen(&list[i])
	}
	body := map[string]any{"vendors": vendors}
	if more {
		body["next"] = list[len(list)-1].Vendor
	}
	return object(body)
}

func (o *operator) vendor(r *request) answer {
	i, err := o.auth.Vendor(r.param)
	if err != nil {
		return o.problem(err)
	}
	return object(vendorSeen(&i))
}

// setVendor changes the limits that are given: a number, or null for none.
func (o *operator) setVendor(r *request) answer {
	f, a, ok := fields(nil), answer{}, true
	if r.ContentLength != 0 {
		f, a, ok = readFields(r)
	}
	if !ok {
		return a
	}
	change, faults := limitsOf(f)
	if faults != nil {
		return unprocessable(faults...)
	}
	if err := o.auth.SetVendor(r.Context(), r.param, change); err != nil {
		return o.problem(err)
	}
	o.public.log.Info("vendor set by operator", "username", r.param, "remote", r.RemoteAddr)
	return o.vendor(r)
}

// limitsOf is the change that the fields ask for.
func limitsOf(f fields) (change func(*auth.VendorLimits), faults []wrong) {
	given := map[string]int{}
	for _, name := range []string{"streams", "tokens", "messages_per_s", "bytes_per_s"} {
		raw, there := f[name]
		if !there {
			continue
		}
		var n *int
		if json.Unmarshal(raw, &n) != nil || n != nil && (*n < 1 || *n > auth.VendorLimitMax) {
			faults = append(faults, wrong{[]any{"body", name},
				"expected null for no limit, or 1 to " + strconv.Itoa(auth.VendorLimitMax),
				"value_error"})
			continue
		}
		given[name] = 0
		if n != nil {
			given[name] = *n
		}
	}
	return func(l *auth.VendorLimits) {
		for name, at := range map[string]*int{
			"streams": &l.Streams, "tokens": &l.Tokens,
			"messages_per_s": &l.Messages, "bytes_per_s": &l.Bytes,
		} {
			if n, there := given[name]; there {
				*at = n
			}
		}
	}, faults
}

func (o *operator) removeVendor(r *request) answer {
	if err := o.auth.RemoveVendor(r.Context(), r.param); err != nil {
		return o.problem(err)
	}
	o.public.log.Info("vendor removed by operator", "username", r.param, "remote", r.RemoteAddr)
	return message("Vendor removed")
}

func (o *operator) clients(r *request) answer {
	a, err := clientPage(o.auth, r.param, r)
	if err != nil {
		return o.problem(err)
	}
	return a
}

func (o *operator) join(r *request) answer {
	tickets, a, ok := readConsent(r)
	if !ok {
		return a
	}
	client := r.PathValue("client")
	m, err := o.public.join(r, r.param, client, tickets)
	if err != nil {
		return o.problem(err)
	}
	o.public.log.Info("client joined by operator", "username", r.param, "client", m.Client,
		"remote", r.RemoteAddr)
	return object(clientSeen(&m))
}

func (o *operator) leave(r *request) answer {
	client := r.PathValue("client")
	if err := o.public.part(r, r.param, client); err != nil {
		return o.problem(err)
	}
	o.public.log.Info("client removed by operator", "username", r.param, "client", client,
		"remote", r.RemoteAddr)
	return message("Client removed from the group")
}
