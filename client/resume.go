package client

import (
	"context"
	"errors"
)

// resume subscribes accounts where they left off, or anew where the server
// cannot know of them. Tokens that it no longer has are dropped, and told.
func (x *session) resume(ctx context.Context, accounts []Account) error {
	for len(accounts) > 0 {
		var anew []Account
		for _, r := range plan(accounts, x.s.most(subscribe)) {
			a, err := x.insist(ctx, r)
			if err != nil {
				return err
			}
			for _, f := range a.ack.Failed {
				if f.Code == codeBadRequest && r.from != nil {
					x.s.book.forget(f.Token)
					anew = append(anew, Account{Token: f.Token, Options: r.o})
					continue
				}
				x.s.book.release(f.Token)
				x.s.events.tell(Dropped{f})
			}
		}
		accounts = anew
	}
	return nil
}

// plan makes requests out of accounts: those of one epoch and the same options
// go together, as many as fit. Without an epoch they are subscribed anew.
func plan(accounts []Account, most int) (out []request) {
	type kind struct {
		o     SubscribeOptions
		epoch uint64
	}
	groups := map[kind][]Account{}
	var kinds []kind
	for _, a := range accounts {
		k := kind{a.Options, a.Epoch}
		if groups[k] == nil {
			kinds = append(kinds, k)
		}
		groups[k] = append(groups[k], a)
	}
	for _, k := range kinds {
		left := groups[k]
		tokens := make([]string, len(left))
		for i, a := range left {
			tokens[i] = a.Token
		}
		for part := range split(tokens, most) {
			r := request{verb: subscribe, tokens: part, o: k.o, epoch: k.epoch}
			if k.epoch != 0 {
				r.from = make([]uint64, len(part))
				for i := range part {
					r.from[i] = left[i].Last
				}
			}
			left = left[len(part):]
			out = append(out, r)
		}
	}
	return out
}

// heal is a typed session's second goroutine: it resumes tokens that have a hole.
func (x *session) heal() {
	for {
		select {
		case <-x.broken:
		case <-x.done:
			return
		}
		select {
		case x.s.asking <- struct{}{}: // so that nobody gives them up meanwhile
		case <-x.done:
			return
		}
		x.mend()
		x.s.next()
	}
}

func (x *session) mend() {
	accounts := x.s.book.accounts(func(e *entry) bool { return e.on && e.broken })
	err := x.resume(x.s.ctx, accounts)
	var closed *CloseError
	if err == nil || errors.As(err, &closed) {
		return // the next connection resumes all
	}
	x.s.o.Logger.Warn("hole not mended", "tokens", len(accounts), "err", err)
	for _, a := range accounts {
		x.s.book.giveUp(a.Token)
	}
}

// missing tells of a hole and has it mended.
func (x *session) missing(h *Hole) {
	if h == nil {
		return
	}
	x.s.o.Logger.Warn("ticks are missing", "hole", h.String())
	x.s.events.tell(*h)
	select {
	case x.broken <- struct{}{}:
	default:
	}
}
