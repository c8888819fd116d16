package main

import (
	"slices"

	"azira/proto"
)

// An interest says who wants which token. Walking it for a tick is a look-up and
// a slice; leaving costs as much as the lists of the one who leaves. It is not
// safe for concurrent use.
type interest[C comparable] struct {
	ids     map[string]uint32 // dense, by token
	holders [][]C             // by id
	held    map[C][]uint32
}

func newInterest[C comparable]() interest[C] {
	return interest[C]{ids: map[string]uint32{}, held: map[C][]uint32{}}
}

// of returns who wants a token. It does not allocate.
func (in *interest[C]) of(token []byte) []C {
	id, ok := in.ids[string(token)]
	if !ok {
		return nil
	}
	return in.holders[id]
}

// apply does what a client asked for and returns the answer. A token named twice
// is held once. Any token may be asked for: a peer knows none beforehand.
func (in *interest[C]) apply(c C, req proto.TextRequest) []byte {
	rest, more := req.Names, true
	for more {
		var name []byte
		name, rest, more = proto.NextName(rest)
		if req.Action == proto.Subscribe {
			in.add(c, name)
		} else if id, ok := in.ids[string(name)]; ok {
			in.remove(c, id)
		}
	}
	if req.Action == proto.Unsubscribe {
		return proto.AppendUnsubscribed(nil, req.Names)
	}
	return proto.AppendSubscribed(nil, req.Names)
}

func (in *interest[C]) add(c C, name []byte) {
	id, ok := in.ids[string(name)]
	if !ok {
		id = uint32(len(in.holders))
		in.ids[string(name)] = id
		in.holders = append(in.holders, nil)
	}
	if !slices.Contains(in.held[c], id) {
		in.held[c] = append(in.held[c], id)
		in.holders[id] = append(in.holders[id], c)
	}
}

func (in *interest[C]) remove(c C, id uint32) {
	if at := slices.Index(in.held[c], id); at >= 0 {
		in.held[c] = slices.Delete(in.held[c], at, at+1)
		in.unhold(c, id)
	}
}

func (in *interest[C]) unhold(c C, id uint32) {
	at := slices.Index(in.holders[id], c)
	in.holders[id] = slices.Delete(in.holders[id], at, at+1)
}

// forget takes a client out everywhere.
func (in *interest[C]) forget(c C) {
	for _, id := range in.held[c] {
		in.unhold(c, id)
	}
	delete(in.held, c)
}
