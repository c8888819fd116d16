package server

import (
	"fmt"
	"testing"
	"time"
)

// TestAttackRatesOfAccounts has one account ask from as many addresses as it likes: it has
// a share of what one address has, each kind on its own.
func TestAttackRatesOfAccounts(t *testing.T) {
	few, many := rate{1, time.Hour}, rate{1_000_000, time.Second}
	for name, tc := range map[string]struct {
		set  func(*Config)
		call func(s *running, bearer string, headers []string) int
	}{
		"requests": {func(c *Config) { c.RateRequest = few },
			func(s *running, bearer string, h []string) int {
				return s.call("GET", "/api/v1/sessions", nil, append(as(bearer), h...)...).StatusCode
			}},
		"tickets": {func(c *Config) { c.RateTicket = few },
			func(s *running, bearer string, h []string) int {
				return s.call("POST", "/api/v1/stream/ticket", nil, append(as(bearer), h...)...).StatusCode
			}},
		"upgrades": {func(c *Config) { c.RateUpgrade = few },
			func(s *running, bearer string, h []string) int {
				return s.call("GET", "/api/v1/stream", nil, append(as(bearer), h...)...).StatusCode
			}},
	} {
		s := start(t, trusting(false), func(c *Config) {
			c.RateRequest, c.RateTicket, c.RateUpgrade = many, many, many
			tc.set(c)
		})
		bearer, passed := s.account("ann"), 0
		for i := range 2 * burstMin {
			if tc.call(s, bearer, from(fmt.Sprintf("192.0.2.%d", i))) != 429 {
				passed++
			}
		}
		if passed != burstMin {
			t.Errorf("%s: %d of one account, from as many addresses", name, passed)
		}
		other := s.account("bob")
		if code := tc.call(s, other, from("192.0.2.1")); code == 429 {
			t.Errorf("%s: another account has to wait", name)
		}
	}
}

// What a deployment gets without saying so: a header has 5 s, a body 15.
func TestTimeoutsOfADeployment(t *testing.T) {
	if d := (timeouts{}).withDefaults(); d.header > 5*time.Second || d.body > 15*time.Second ||
		d.write > 30*time.Second {
		t.Errorf("%+v", d)
	}
}
