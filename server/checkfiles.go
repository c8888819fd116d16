package server

import (
	"crypto/tls"
	"strings"

	"azira/auth"
)

// checkFiles reads the certificate and the issuer's keys, which would keep a server from
// starting; check has read the signing keys.
func (c *Config) checkFiles() (out []Fault) {
	if c.TLSCert != "" {
		key := c.TLSKey
		if key == "" {
			key = c.TLSCert
		}
		if _, err := tls.LoadX509KeyPair(c.TLSCert, key); err != nil {
			out = append(out, Fault{Name: "tls-cert", Text: "not usable: " + err.Error()})
		}
	}
	if c.JWTKeySet != "" && !isURL(c.JWTKeySet) {
		text, err := readBounded(c.JWTKeySet, keySetBytesMax)
		if err == nil {
			err = auth.CheckKeySet(text)
		}
		if err != nil {
			out = append(out, Fault{Name: "jwt-jwks",
				Text: "not usable: " + strings.TrimPrefix(err.Error(), "auth: ")})
		}
	}
	return out
}
