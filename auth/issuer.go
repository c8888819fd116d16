package auth

import (
	"crypto"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An Issuer makes bearers elsewhere, which hold here as they are: there is no
// account, no session and no refresh token of them. The user named N in them is
// HOST/N here, with the host of URL: own usernames have no slash, so that none of
// either kind can be taken for one of the other.
//
// Such a bearer holds until it expires. Its streams end when their owner or an
// operator closes them or, if so configured, with it.
type Issuer struct {
	URL      string // what iss must be
	Audience string // what must be among aud
	Claim    string // that has the username; "sub" if empty

	// KeyWanted is called, from any goroutine, when a bearer names a key that is
	// not in the set; it must not wait. May be nil.
	KeyWanted func()
}

// An issuer checks the bearers of an Issuer. Its keys are replaced as a whole.
type issuer struct {
	o      Issuer
	host   string
	keys   map[string]issuerKey // by kid
	parser *jwt.Parser
	now    func() time.Time
}

// An issuerKey is a public key and the one algorithm it is for.
type issuerKey struct {
	alg string
	key crypto.PublicKey
}

// errNoKey is an ErrBearer for want of a key that the issuer may have by now.
var errNoKey = fmt.Errorf("%w: its key is not known", ErrBearer)

// issuerMethods never hold a symmetric one: no public key is ever taken for a secret.
var issuerMethods = []string{"RS256", "ES256", "EdDSA"}

func newIssuer(o Issuer, now func() time.Time) (*issuer, error) {
	host, err := IssuerHost(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Audience == "" {
		return nil, fmt.Errorf("%w: an issuer needs an audience", ErrOptions)
	}
	orDefault(&o.Claim, "sub")
	return &issuer{
		o: o, host: host, now: now,
		parser: jwt.NewParser(
			jwt.WithValidMethods(issuerMethods),
			jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(),
			jwt.WithIssuer(o.URL),
			jwt.WithAudience(o.Audience),
			jwt.WithLeeway(issuerLeeway),
			jwt.WithTimeFunc(now),
		),
	}, nil
}

// IssuerHost is what stands before the slash in the names of an issuer's users.
func IssuerHost(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || len(u.Host) > issuerHostMax ||
		u.Scheme != "https" && u.Scheme != "http" || !isHost(strings.ToLower(u.Host)) {
		return "", fmt.Errorf("%w: the issuer is no URL such as https://login.example.org",
			ErrOptions)
	}
	return strings.ToLower(u.Host), nil
}

// isHost holds hosts to letters, digits and . - : [ ].
func isHost(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(".-:[]", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func (x *issuer) parse(bearer string) (Identity, error) {
	c := jwt.MapClaims{}
	_, err := x.parser.ParseWithClaims(bearer, c, x.keyOf)
	switch {
	case errors.Is(err, errNoKey):
		return Identity{}, errNoKey
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Identity{}, ErrExpired
	case err != nil:
		return Identity{}, ErrBearer
	}
	exp, err := c.GetExpirationTime()
	if err != nil || exp == nil {
		return Identity{}, ErrBearer
	}
	if !x.now().Before(exp.Time) {
		return Identity{}, ErrExpired // leeway is for clocks that are ahead
	}
	raw, _ := c[x.o.Claim].(string)
	name, err := ParseUsername(raw)
	if err != nil {
		return Identity{}, ErrBearer
	}
	return issuerIdentity(x.host+"/"+name, exp.Time), nil
}

func (x *issuer) keyOf(t *jwt.Token) (any, error) {
	kid, _ := t.Header["kid"].(string)
	k, known := x.keys[kid]
	if !known {
		return nil, errNoKey
	}
	if t.Method.Alg() != k.alg || hasCritical(t) {
		return nil, jwt.ErrTokenUnverifiable
	}
	return k.key, nil
}

// issuerIdentity is of an account without a record. Its number is no own account's, and
// all of its bearers are of one session, which only an operator ends.
func issuerIdentity(name string, expires time.Time) Identity {
	n := issuerNumber(name)
	return Identity{
		Account: n | issuerAccountMark, Username: name, Session: n,
		Expires: expires, foreign: true,
	}
}

func issuerNumber(name string) uint64 {
	h := sha256.Sum256([]byte(name))
	return max(binary.BigEndian.Uint64(h[:])>>11, 1)
}

// isIssuers says whether a name that ParseAccountName gave is of an issuer's user.
func isIssuers(name string) bool { return strings.Contains(name, "/") }

// ParseAccountName is ParseUsername for the names of an issuer's users too.
func ParseAccountName(raw string) (string, error) {
	host, rest, issuers := strings.Cut(raw, "/")
	if !issuers {
		return ParseUsername(raw)
	}
	if host = strings.ToLower(host); len(host) > issuerHostMax || !isHost(host) {
		return "", badName("expected NAME or HOST/NAME", "value_error")
	}
	name, err := ParseUsername(rest)
	if err != nil {
		return "", err
	}
	return host + "/" + name, nil
}

// askForKey tells that a bearer could not be verified for want of a key.
func (s *Service) askForKey(err error) {
	if errors.Is(err, errNoKey) && s.o.Issuer.KeyWanted != nil {
		s.o.Issuer.KeyWanted()
	}
}

// SetIssuerKeys replaces the keys of the issuer by those of a JSON Web Key Set (RFC
// 7517), and says how many there are and how many of the set are of no use here. What
// was verified by a key that is gone is refused at once. If the set holds none, the old
// keys stay, and the error is ErrKeySet.
func (s *Service) SetIssuerKeys(set []byte) (used, unused int, err error) {
	if s.o.Issuer == nil {
		return 0, 0, fmt.Errorf("%w: no issuer", ErrOptions)
	}
	keys, unused, err := parseKeySet(set)
	if err != nil {
		return 0, 0, err
	}
	s.replace(func(v *verifiers) {
		x := *v.issuer
		x.keys = keys
		v.issuer = &x
	})
	return len(keys), unused, nil
}
