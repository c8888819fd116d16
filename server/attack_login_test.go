package server

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// from is the header by which a proxy says whose request it is.
func from(addr string) []string { return []string{"X-Forwarded-For", addr} }

// hashes is how many passwords were hashed so far.
func (s *running) hashes() int {
	s.t.Helper()
	page := string(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil).body)
	_, rest, _ := strings.Cut(page, "\nazira_password_hashes_total ")
	text, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatalf("no count of hashes: %v", err)
	}
	return n
}

// tryLogins logs in n times and returns how many were looked at; others must be told to
// wait.
func (s *running) tryLogins(n int, name, password string, headers ...string) (looked int) {
	s.t.Helper()
	for range n {
		r := s.call("POST", "/api/v1/users/login", credentials(name, password), headers...)
		switch r.StatusCode {
		case 200, 400:
			looked++
		case 429:
			secs, err := strconv.Atoi(r.Header.Get("Retry-After"))
			if err != nil || secs < 1 || secs > int(guessPauseMax/time.Second) ||
				r.text("detail") != "Too many requests" {
				s.t.Fatalf("%v %s", r.Header, r.body)
			}
		default:
			s.t.Fatalf("login: %d %s", r.StatusCode, r.body)
		}
	}
	return looked
}

// A password is guessed at a few times and then once in a while, whichever door is
// taken; its owner, elsewhere, notices nothing.
func TestAttackBruteForce(t *testing.T) {
	s := start(t, trusting(false))
	s.account("ann")
	s.tryLogins(1, "ann", goodPassword, from("198.51.100.7")...)
	evil := from("203.0.113.9")
	if n := s.tryLogins(2*pairFree, "ann", "wrong wrong", evil...); n > pairFree+3 {
		t.Errorf("%d guesses were looked at", n)
	}
	before := s.hashes()
	r := s.call("POST", "/api/v1/token", credentials("ann", "wrong wrong"), evil...)
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || s.hashes() != before {
		t.Errorf("by the other door: %d %s", r.StatusCode, r.body)
	}
	if n := s.tryLogins(1, "ann", goodPassword, from("198.51.100.7")...); n != 1 {
		t.Error("the owner waits")
	}
	if n := s.tryLogins(1, "bob", goodPassword, evil...); n != 1 {
		t.Error("others behind that address wait")
	}
}

// The password is asked for again by some calls: a stolen bearer does not help to guess it.
func TestAttackBruteForceByBearer(t *testing.T) {
	s := start(t, trusting(false))
	bearer := s.account("ann")
	refused := 0
	for i := range 2 * pairFree {
		method, path, body := "DELETE", "/api/v1/users/me", map[string]string{"password": "wrong"}
		if i%2 == 0 {
			method, path = "PUT", "/api/v1/users/password"
			body = map[string]string{"old_password": "wrong", "new_password": "12345678"}
		}
		r := s.call(method, path, body, append(as(bearer), from("203.0.113.9")...)...)
		if r.StatusCode == 429 {
			refused++
		}
	}
	if refused < pairFree-2 {
		t.Errorf("%d of %d guesses were refused", refused, 2*pairFree)
	}
}

// One password tried at many accounts from one address, a tenth of which exist.
func TestAttackPasswordSpray(t *testing.T) {
	s := start(t, trusting(false), func(c *Config) { c.RateLogin = rate{} })
	for i := range 10 {
		s.account("user" + strconv.Itoa(10*i))
	}
	looked := 0
	for i := range 2 * addressFree {
		looked += s.tryLogins(1, "user"+strconv.Itoa(i), "Password1", from("203.0.113.9")...)
	}
	if looked > addressFree+4 {
		t.Errorf("%d accounts were tried", looked)
	}
	if n := s.tryLogins(1, "user0", goodPassword, from("198.51.100.7")...); n != 1 {
		t.Error("an owner waits")
	}
}

// Also on this machine, which has no rates, guesses are slowed, and there is a way in.
func TestAttackBruteForceFromLoopback(t *testing.T) {
	s := start(t)
	s.account("ann")
	if n := s.tryLogins(2*pairFree, "ann", "wrong wrong"); n > pairFree+3 {
		t.Errorf("%d guesses were looked at", n)
	}
	eventually(t, "the owner is let in", func() bool {
		return s.call("POST", "/api/v1/users/login", credentials("ann", goodPassword)).StatusCode == 200
	})
}

// What is wrong with a login can be told neither by its answer nor by its cost: one hash.
func TestAttackLoginTellsNothing(t *testing.T) {
	s := start(t)
	s.account("ann")
	var first string
	for _, c := range [][2]string{
		{"ann", "wrong wrong"}, {"nobody", "wrong wrong"}, {"ann\x01", "wrong wrong"}, {"a/b", "x"},
		{"", ""}, {"ann", ""}, {"ANN", goodPassword}, {"ann ", goodPassword}, {"ann", goodPassword + "x"},
		{"ann", strings.Repeat("x", 5000)}, {strings.Repeat("n", 5000), "x"}, {"\u202eann", goodPassword},
	} {
		before := s.hashes()
		r := s.call("POST", "/api/v1/users/login", credentials(c[0], c[1]))
		if n := s.hashes() - before; r.StatusCode != 400 || n != 1 {
			t.Errorf("%.20q: %d after %d hashes", c, r.StatusCode, n)
		}
		if first == "" {
			first = string(r.body)
		}
		if string(r.body) != first {
			t.Errorf("%.20q: %s", c, r.body)
		}
	}
}

// Names that look like another's, or like nothing.
func TestAttackNames(t *testing.T) {
	s := start(t)
	s.account("ann")
	s.account("Zo\u00eb")
	for name, status := range map[string]int{
		"Zoe\u0308":                    400, // taken, in its other form
		"ann\x00":                      422,
		"ann\x00bob":                   422,
		"ann\n":                        422,
		"ann\u0085":                    422,
		"\u202enna":                    422,
		"ann\u200f":                    422,
		"ann\u2028":                    422,
		"ann\u200b":                    422,
		"an\u2060n":                    422,
		"ann\ufeff":                    422,
		"an\u00adn":                    422,
		"ann\U000e0041":                422,
		" ann":                         422,
		"ann\u00a0":                    422,
		"\u3000":                       422,
		".":                            422,
		"..":                           422,
		"a/b":                          422,
		"a+b":                          422,
		"a#b":                          422,
		"":                             422,
		strings.Repeat("a", 65):        422,
		strings.Repeat("e\u0308", 65):  422,
		strings.Repeat("\u0308", 1000): 422,
		strings.Repeat("a", 60_000):    422,
		strings.Repeat("\u00eb", 64):   200,
		"ANN":                          200, // capitals count
		"\u0646\u200c\u0627":           200, // Persian needs its joiners
		"<script>alert(1)</script":     422,
		"' OR 1=1 --":                  200,
	} {
		r := s.call("POST", "/api/v1/users/register", credentials(name, goodPassword))
		if r.StatusCode != status {
			t.Errorf("%.30q: %d %.100s", name, r.StatusCode, r.body)
		}
	}
	r := s.call("POST", "/api/v1/users/register", "{\"username\":\"\xff\xfe\",\"password\":\"12345678\"}")
	if r.StatusCode != 400 {
		t.Errorf("no UTF-8: %d %s", r.StatusCode, r.body)
	}
}

// Accounts, tickets, and requests in all have their rates; each address its own.
func TestAttackFloods(t *testing.T) {
	s := start(t, trusting(false), func(c *Config) {
		c.RateRegister, c.RateTicket = rate{1, time.Hour}, rate{1, time.Hour}
		c.RateRequest, c.RateUpgrade = rate{8, time.Second}, rate{1, time.Hour}
	})
	evil, other := from("2001:db8::bad"), from("2001:db8:0:1::1")
	count := func(n int, call func(int) reply) (passed int) {
		t.Helper()
		for i := range n {
			switch r := call(i); {
			case r.StatusCode != 429:
				passed++
			case r.Header.Get("Retry-After") == "" || r.text("detail") != "Too many requests":
				t.Fatalf("%v %s", r.Header, r.body)
			}
		}
		return passed
	}
	register := func(headers []string) func(int) reply {
		return func(i int) reply {
			return s.call("POST", "/api/v1/users/register", credentials("u"+strconv.Itoa(i), "short"),
				headers...)
		}
	}
	if n := count(40, register(evil)); n != burstMin {
		t.Errorf("%d accounts from one address", n)
	}
	if n := count(1, register(other)); n != 1 {
		t.Error("another address has to wait")
	}
	bearers := []string{s.account("ann"), s.account("bob"), s.account("cid")}
	ticket := func(i int) reply {
		return s.call("POST", "/ws/token", nil, append(as(bearers[i%3]), other...)...)
	}
	if n := count(40, ticket); n != burstMin {
		t.Errorf("%d tickets to one address", n)
	}
	upgrade := func(int) reply { return s.call("GET", "/api/v1/stream", nil, from("192.0.2.9")...) }
	if n := count(40, upgrade); n != burstMin {
		t.Errorf("%d upgrades", n)
	}
	nowhere := func(int) reply { return s.call("GET", "/nowhere", nil, from("192.0.2.1")...) }
	if n := count(400, nowhere); n < 160 || n > 300 {
		t.Errorf("%d requests", n)
	}
	page := string(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil).body)
	if strings.Contains(page, "\nazira_limited_total 0\n") {
		t.Error("nobody is counted")
	}
}
