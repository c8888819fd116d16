package auth

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Whatever ends a membership ends what its tickets opened, and voids those not used yet.
func TestTicketsOfVendors(t *testing.T) {
	for what, end := range ticketEnds {
		t.Run(what, func(t *testing.T) { endTicketsBy(t, what, end) })
	}
}

var ticketEnds = map[string]func(s *Service) error{
	"client leaves":   func(s *Service) error { return s.Leave(bg, "ann", "zoe", 0) },
	"consent ends":    func(s *Service) error { _, err := s.Join(bg, "ann", "zoe", new(bool), 0); return err },
	"client disabled": func(s *Service) error { return s.Disable(bg, "zoe") },
	"client deleted":  func(s *Service) error { return s.RemoveAccount(bg, "zoe") },
	"vendor disabled": func(s *Service) error { return s.Disable(bg, "ann") },
	"vendor removed":  func(s *Service) error { return s.RemoveVendor(bg, "ann") },
	"vendor deleted":  func(s *Service) error { return s.RemoveAccount(bg, "ann") },
}

func endTicketsBy(t *testing.T, what string, end func(s *Service) error) {
	o, ends := cheap(), newClosings()
	o.CloseStream = ends.add
	s := serve(t, o)
	broker(t, s, "ann")
	broker(t, s, "bob")
	own := verify(t, s, register(t, s, "zoe").AccessToken)
	join(t, s, "ann", "zoe", true)
	join(t, s, "bob", "zoe", true)
	stream := func(id Identity) *Stream {
		t.Helper()
		st, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(what, err)
		}
		st.Opened(st.ID)
		return st
	}
	redeem := func(vendor string) Identity {
		t.Helper()
		ticket, err := s.MintTicketFor(vendor, "zoe")
		if err != nil {
			t.Fatal(what, err)
		}
		id, err := s.RedeemTicket(ticket)
		if err != nil || id.Username != "zoe" || id.Account != own.Account {
			t.Fatal(what, id, err)
		}
		return id
	}
	mine, others, ours := stream(redeem("ann")), stream(redeem("bob")), stream(own)
	late := redeem("ann")
	ticket, err := s.MintTicketFor("ann", "zoe")
	if err != nil {
		t.Fatal(err)
	}
	if err := end(s); err != nil {
		t.Fatal(what, err)
	}
	if ends.of(mine) != CodeEnded {
		t.Errorf("%s: the stream is asked to close with %d", what, ends.of(mine))
	}
	all := what == "client disabled" || what == "client deleted"
	if (ends.of(others) != 0) != all || (ends.of(ours) != 0) != all {
		t.Errorf("%s: other streams: %d, %d", what, ends.of(others), ends.of(ours))
	}
	if _, err := s.RedeemTicket(ticket); err != ErrRevoked {
		t.Errorf("%s: ticket: %v", what, err)
	}
	if _, _, err := s.OpenStream(late, StreamInfo{}); err != ErrRevoked {
		t.Errorf("%s: redeemed before: %v", what, err)
	}
	if _, err := s.MintTicketFor("ann", "zoe"); err == nil {
		t.Errorf("%s: another ticket", what)
	}
}

func TestTicketsNeedConsent(t *testing.T) {
	s := serve(t, cheap())
	broker(t, s, "ann")
	register(t, s, "zoe")
	join(t, s, "ann", "zoe", false)
	create(t, s, "ann", "yan")
	for client, want := range map[string]error{
		"zoe": ErrNoConsent, "yan": nil, "ann": ErrNoClient, "nobody": ErrNoClient, "a/b": ErrNoClient,
	} {
		if _, err := s.MintTicketFor("ann", client); err != want {
			t.Errorf("%s: %v", client, err)
		}
	}
	if err := s.Suspend(bg, "ann", "yan"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MintTicketFor("ann", "yan"); err != ErrDisabled {
		t.Errorf("suspended: %v", err)
	}
}

// openByTicket opens a stream by a ticket that the vendor mints.
func openByTicket(t *testing.T, s *Service, vendor, client string) (*Stream, error) {
	t.Helper()
	ticket, err := s.MintTicketFor(vendor, client)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.RedeemTicket(ticket)
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := s.OpenStream(id, StreamInfo{})
	return st, err
}

// The streams of accounts that a vendor created never exceed its limit, and each place is
// given back once.
func TestVendorStreams(t *testing.T) {
	o := cheap()
	o.ReplaceOldest = true
	s := serve(t, o)
	broker(t, s, "ann")
	limit := func(n int) {
		_ = s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Streams, l.Tokens = n, 50 })
	}
	limit(4)
	open := func(client string) (*Stream, error) {
		t.Helper()
		return openByTicket(t, s, "ann", client)
	}
	var all []*Stream
	for i := range 4 {
		create(t, s, "ann", "c"+strconv.Itoa(i))
		st, err := open("c" + strconv.Itoa(i/3)) // three of one account, one of another
		if err != nil || st.TokensMax() != 50 {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	var le *VendorLimitError
	if _, err := open("c2"); !errors.As(err, &le) || le.Streams != 4 {
		t.Errorf("a fifth: %v", err)
	}
	st, err := open("c0") // takes its oldest's place
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, st)
	for range 2 {
		for _, st := range all {
			st.Ended(1000)
		}
	}
	if i, _ := s.Vendor("ann"); i.Usage.Streams != 0 {
		t.Errorf("%d streams are counted", i.Usage.Streams)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range 200 {
				st, err := open("c" + strconv.Itoa(w))
				if n := s.vendor("ann").streams.Load(); n > 4 {
					t.Errorf("%d streams", n)
				}
				if err == nil {
					st.Ended(1000)
				}
			}
		})
	}
	wg.Wait()
	if i, _ := s.Vendor("ann"); i.Usage.Streams != 0 {
		t.Errorf("%d streams are counted after all", i.Usage.Streams)
	}
}

// An issuer's user is a client by consent like others.
func TestIssuersUsersAsClients(t *testing.T) {
	o, ends := cheap(), newClosings()
	o.Issuer = &Issuer{URL: "https://login.example", Audience: "azira"}
	o.CloseStream = ends.add
	s := serve(t, o)
	broker(t, s, "ann")
	const zoe = "login.example/Zoë"
	join(t, s, "ann", "LOGIN.example/Zoe\u0308", true)
	if err := s.SetVendor(bg, zoe, func(*VendorLimits) {}); err != ErrIssuers {
		t.Errorf("as a vendor: %v", err)
	}
	if got := names(t, s, "ann"); !slices.Equal(got, []string{zoe}) {
		t.Errorf("%q", got)
	}
	ticket, err := s.MintTicketFor("ann", zoe)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.RedeemTicket(ticket)
	if err != nil || id.Username != zoe {
		t.Fatal(id, err)
	}
	st, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	st.Opened(1)
	if err := s.Disable(bg, zoe); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MintTicketFor("ann", zoe); err != ErrDisabled || ends.of(st) != CodeEnded {
		t.Errorf("disabled: %v, %d", err, ends.of(st))
	}
	if err := s.Leave(bg, "ann", zoe, 0); err != nil {
		t.Fatal(err)
	}
}
