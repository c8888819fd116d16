package server

import (
	"cmp"
	"strings"
	"time"

	"azira/auth"
)

// checkFiles reads the certificate and the issuer's keys, which would keep a server from
// starting; check has read the signing keys.
func (c *Config) checkFiles() (out []Fault, warnings []string) {
	if c.TLSCert != "" {
		pair, err := readPair(c.TLSCert, cmp.Or(c.TLSKey, c.TLSCert))
		if err != nil {
			out = append(out, Fault{Name: "tls-cert", Text: "not usable: " +
				strings.TrimPrefix(err.Error(), errCertificate.Error()+": ")})
		} else if why := validity(pair.Leaf, time.Now()); why != "" {
			warnings = append(warnings, "tls-cert: "+c.TLSCert+" "+why)
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
	return out, warnings
}
