package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"azira/client"
)

const (
	churners     = 4
	churnPause   = 300 * time.Millisecond
	streamsLimit = 3 // of an account: the server's default
)

// A churner is a client, with an account of its own, that does one thing after another
// and holds that each is answered as it should be.
type churner struct {
	w    *world
	name string
	rnd  *rand.Rand
}

// A deed is one thing that a churner does; of the sum of shares so many are this.
type deed struct {
	name  string
	share int
	do    func(*churner) error
}

var deeds = []deed{
	{"typed stream", 30, (*churner).typed},
	{"text stream", 20, (*churner).text},
	{"text stream cut off", 15, (*churner).textCut},
	{"bad bearer", 10, (*churner).badBearer},
	{"ticket", 6, (*churner).ticket},
	{"unknown token", 6, (*churner).unknown},
	{"garbage", 10, (*churner).garbage},
	{"one stream too many", 4, (*churner).tooMany},
	{"half a header", 4, (*churner).halfHeader},
	{"calls", 12, (*churner).calls},
	{"login and logout", 2, (*churner).logout},
	{"message", 6, (*churner).message},
	{"kick", 3, (*churner).kick},
	{"wrong password", 1, (*churner).wrongPassword},
}

func (c *churner) run() {
	sum := 0
	for _, d := range deeds {
		sum += d.share
	}
	for c.w.pause(c.rnd, churnPause) {
		at := c.rnd.IntN(sum)
		for _, d := range deeds {
			if at -= d.share; at >= 0 {
				continue
			}
			if err := d.do(c); err != nil {
				c.w.fault("%s: %s: %v", c.name, d.name, err)
			}
			c.w.did.churns.Add(1)
			break
		}
	}
}

func (c *churner) open(d client.Dialect) (*client.Stream, error) {
	ctx, cancel := context.WithTimeout(c.w.life, answerTimeout)
	defer cancel()
	return client.OpenStream(ctx, client.StreamOptions{Server: c.w.url, Dialect: d, NoReconnect: true,
		Bearer: c.w.accounts[c.name].Bearer})
}

// typed opens, asks for this and that, reads a little, and closes; what it got is whole.
func (c *churner) typed() error {
	s, err := c.open(typedDialects[c.rnd.IntN(2)])
	if err != nil {
		return err
	}
	defer s.Close()
	go func() {
		for range s.Ticks() {
		}
	}()
	ctx, cancel := context.WithTimeout(c.w.life, answerTimeout)
	defer cancel()
	for range 1 + c.rnd.IntN(5) {
		tokens := c.w.some(c.rnd, 1+c.rnd.IntN(10))
		o := client.SubscribeOptions{NoSnapshot: c.rnd.IntN(2) == 0,
			MaxRate: []float64{0, 0, 2, 7.5}[c.rnd.IntN(4)]}
		if c.rnd.IntN(3) == 0 {
			o.Mode = client.ModeLTP
		}
		switch c.rnd.IntN(6) {
		case 0:
			err = s.Unsubscribe(ctx, tokens...)
		case 1:
			_, err = s.List(ctx)
		case 2:
			_, err = s.Ping(ctx)
		default:
			var a client.Ack
			if a, err = s.SubscribeWith(ctx, o, tokens...); err == nil {
				err = a.Err()
			}
		}
		if err != nil {
			return err
		}
		c.rest()
	}
	if p, st := s.Complete(), s.Stats(); p.Lost+p.Doubled+st.Bad > 0 || s.Err() != nil {
		return fmt.Errorf("%+v, %d bad, %v", p, st.Bad, s.Err())
	}
	return nil
}

func (c *churner) rest() { time.Sleep(time.Duration(c.rnd.IntN(300)) * time.Millisecond) }

// text subscribes in the text dialect, reads a tick, and closes with a frame or without.
func (c *churner) text() error {
	r, err := c.raw()
	if err != nil {
		return err
	}
	defer r.nc.Close()
	list := c.w.some(c.rnd, 1+c.rnd.IntN(5))
	if err := r.send("subscribe|" + strings.Join(list, ",")); err != nil {
		return err
	}
	if err := r.first("Subscribed to tokens: "); err != nil {
		return err
	}
	if c.rnd.IntN(2) == 0 {
		if err := r.send("unsubscribe|" + list[0]); err != nil {
			return err
		}
		return r.first("Unsubscribed from tokens: ")
	}
	if err := r.send("foo|" + list[0]); err != nil {
		return err
	}
	return r.first("Unknown action: foo")
}

func (c *churner) raw() (*raw, error) {
	r, status, err := c.w.dialRaw(dial, c.name, "")
	if err == nil && status != http.StatusSwitchingProtocols {
		r.nc.Close()
		err = fmt.Errorf("open: %d", status)
	}
	return r, err
}

// textCut is gone in the middle of what it says.
func (c *churner) textCut() error {
	r, err := c.raw()
	if err != nil {
		return err
	}
	r.send("subscribe|" + strings.Join(c.w.tokens, ","))
	if c.rnd.IntN(2) == 0 {
		r.nc.Write([]byte{0x80 | opText, 0x80 | 100, 0, 0, 0, 0, 's', 'u', 'b'})
	}
	c.rest()
	reset(r.nc)
	return nil
}

func (c *churner) badBearer() error {
	r, status, err := c.w.upgrade(dial, "/api/v1/stream", "Authorization: Bearer "+
		strings.Repeat("eyJhbGciOiJIUzI1NiJ9.", 1+c.rnd.IntN(3))+"\r\n")
	if err != nil {
		return err
	}
	r.nc.Close()
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// ticket opens one stream with a ticket, and no second one.
func (c *churner) ticket() error {
	bearer, err := c.w.accounts[c.name].Bearer(c.w.life)
	if err != nil {
		return err
	}
	ticket, err := c.w.auth.Ticket(c.w.life, bearer)
	if err != nil {
		return err
	}
	for _, want := range []int{101, 401} {
		r, status, err := c.w.upgrade(dial, "/api/v1/stream?ticket="+ticket, "")
		if err != nil {
			return err
		}
		defer r.nc.Close()
		if status != want {
			return fmt.Errorf("status %d, want %d", status, want)
		}
	}
	return nil
}

// unknown asks for a token that there is not: in text that is the end.
func (c *churner) unknown() error {
	r, err := c.raw()
	if err != nil {
		return err
	}
	defer r.nc.Close()
	if err := r.send("subscribe|" + c.w.tokens[0] + ",NSE:none"); err != nil {
		return err
	}
	if code, _, err := r.closed(); code != 1008 {
		return fmt.Errorf("closed with %d, %v", code, err)
	}
	return nil
}

func (c *churner) garbage() error {
	nc, err := dial(c.w.listen)
	if err != nil {
		return err
	}
	defer nc.Close()
	p := make([]byte, 1+c.rnd.IntN(4000))
	for i := range p {
		p[i] = byte(c.rnd.Uint32())
	}
	nc.Write(append(p, "\r\n\r\n"...))
	nc.SetDeadline(time.Now().Add(answerTimeout))
	var late net.Error
	if _, err := io.Copy(io.Discard, nc); errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("garbage is kept")
	}
	return nil
}

// halfHeader stays in the middle of its request, until it is closed for that or for a while.
func (c *churner) halfHeader() error {
	nc, err := dial(c.w.listen)
	if err != nil {
		return err
	}
	io.WriteString(nc, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nUpgr")
	nc.SetDeadline(time.Now().Add(time.Duration(1+c.rnd.IntN(9)) * time.Second))
	go func() {
		io.Copy(io.Discard, nc)
		nc.Close()
	}()
	return nil
}

// tooMany opens as many streams as it may have, and one more.
func (c *churner) tooMany() error {
	for k := range streamsLimit + 1 {
		r, err := c.raw()
		if err != nil {
			return err
		}
		defer r.nc.Close()
		if k < streamsLimit {
			continue
		}
		if code, reason, err := r.closed(); code != 1008 || !strings.HasPrefix(reason, "connection limit") {
			return fmt.Errorf("one too many: %d %q, %v", code, reason, err)
		}
	}
	return nil
}

// calls asks what there is to ask over HTTP.
func (c *churner) calls() error {
	bearer, err := c.w.accounts[c.name].Bearer(c.w.life)
	if err != nil {
		return err
	}
	paths := []string{"/api/v1/tokens", "/api/v1/sessions", "/api/v1/latency", "/openapi.json",
		"/api/v1/ticks/" + c.w.tokens[c.rnd.IntN(len(c.w.tokens))]}
	if _, err := c.w.call("GET", paths[c.rnd.IntN(len(paths))], bearer, "", http.StatusOK); err != nil {
		return err
	}
	paths = []string{"/status", "/parked", "/readyz", "/livez", "/api/v1/users"}
	_, err = c.w.admin.call("GET", paths[c.rnd.IntN(len(paths))], "", 200)
	return err
}

// logout opens a stream in a session of its own, which ends with that.
func (c *churner) logout() error {
	cred, err := c.w.auth.Login(c.w.life, "session", password)
	if err != nil {
		return err
	}
	r, status, err := c.w.upgrade(dial, "/api/v1/stream", "Authorization: Bearer "+cred.Bearer+"\r\n")
	if err != nil || status != http.StatusSwitchingProtocols {
		return fmt.Errorf("open: %d, %v", status, err)
	}
	defer r.nc.Close()
	if err := c.w.auth.Logout(c.w.life, cred.Bearer); err != nil {
		return err
	}
	if code, _, err := r.closed(); code != 3501 {
		return fmt.Errorf("closed with %d, %v", code, err)
	}
	return nil
}

// kick has an operator close a stream.
func (c *churner) kick() error {
	r, err := c.raw()
	if err != nil {
		return err
	}
	defer r.nc.Close()
	if _, err := c.w.admin.call("POST", "/api/v1/users/"+c.name+"/kick", "", 200); err != nil {
		return err
	}
	if code, _, err := r.closed(); code != 3501 {
		return fmt.Errorf("closed with %d, %v", code, err)
	}
	return nil
}

// message sends one to itself, gets it on a stream, and acknowledges it.
func (c *churner) message() error {
	r, status, err := c.w.dialRaw(dial, c.name, string(client.JSON))
	if err != nil || status != http.StatusSwitchingProtocols {
		return fmt.Errorf("open: %d, %v", status, err)
	}
	defer r.nc.Close()
	bearer, err := c.w.accounts[c.name].Bearer(c.w.life)
	if err != nil {
		return err
	}
	p, err := c.w.call("POST", "/api/v1/messages", bearer,
		fmt.Sprintf(`{"username":%q,"content":"of seed %d"}`, c.name, c.w.seed), http.StatusAccepted)
	var sent struct{ ID uint64 }
	if err == nil {
		err = json.Unmarshal(p, &sent)
	}
	if err == nil {
		err = r.first(fmt.Sprintf(`{"type":"msg","id":%d,`, sent.ID))
	}
	if err == nil {
		err = r.send(fmt.Sprintf(`{"op":"ack","message":%d,"id":"a"}`, sent.ID))
	}
	if err == nil {
		err = r.first(`{"type":"ack","id":"a"`)
	}
	return err
}

// wrongPassword is refused like an account that there is not, or told to wait.
func (c *churner) wrongPassword() error {
	name := fmt.Sprintf("nobody %d", c.rnd.IntN(1000))
	if _, err := c.w.auth.Login(c.w.life, name, password); !errors.Is(err, client.ErrCredentials) &&
		!errors.Is(err, client.ErrBusy) {
		return fmt.Errorf("answered %v", err)
	}
	return nil
}
