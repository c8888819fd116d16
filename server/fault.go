package server

import (
	"errors"
	"fmt"
	"strings"
)

var (
	errNotBool     = errors.New("server: expected true or false")
	errNotNumber   = errors.New("server: expected a whole number")
	errNotDuration = errors.New("server: expected a duration such as 500ms, 10s or 30m")
	errNotSize     = errors.New("server: expected a size such as 65536, 64KiB or 1MiB")
	errNotPower    = errors.New("server: expected a power of two such as 64MiB")
	errRange       = errors.New("server: out of range")
	errFieldName   = errors.New("server: expected the plain name of a field, at most 64 bytes")
	errAddr        = errors.New("server: expected host:port with a port from 0 to 65535")
	errEndpoint    = errors.New("server: expected tcp://host:port or ipc://path")
	errOrigin      = errors.New("server: expected * or an origin such as https://example.org")
	errRate        = errors.New("server: expected a rate such as 10/s, 20/m or 5/h, or off")
	errPrefix      = errors.New("server: expected a network such as 10.0.0.0/8, or an address")
	errEmpty       = errors.New("server: must not be empty")
	errFormat      = errors.New("server: expected text or json")
	errIssuerForm  = errors.New("server: expected a URL such as https://login.example.org")
	errKeySetAt    = errors.New("server: expected a file, https://…, or http:// on loopback")
	errShort       = fmt.Errorf("server: expected at least %d printable bytes", adminTokenMin)

	errBackupName = fmt.Errorf("server: name: expected at most %d letters, digits and -_. "+
		"after the first", backupNameMax)
	errBackups = fmt.Errorf("server: the directory of checkpoints holds %d or more: "+
		"move some away", backupsMax)

	errFewDescriptors = errors.New("server: too few file descriptors")
	errMemory         = errors.New("server: the rings do not fit")
	errPortUsed       = errors.New("server: address already in use")
	errPortDenied     = errors.New("server: port not permitted")
	errNoAddress      = errors.New("server: no such address")
	errBackupDir      = errors.New("server: no directory for checkpoints")
	errCertificate    = errors.New("server: certificate (--tls-cert, --tls-key) not usable")
	errKeyFile        = errors.New("server: signing key (--jwt-key-file) not usable")
	errKeySet         = errors.New("server: the issuer's keys can't be had")
	errIssuerKeys     = errors.New("server: the issuer's keys (--jwt-jwks) not usable")
	errUnreadable     = errors.New("server: the file can't be read")
	errScope          = errors.New("server: API key for other calls")
	errNoBearer       = errors.New("server: no credential")
	errNotSocket      = errors.New("server: connection is no TCP socket")
)

// A Fault is one thing wrong with a configuration: where it stands and what
// was expected there. Values are named only where they can't be secrets.
type Fault struct {
	Source string // file name, "environment", "flags"; empty = the whole
	Line   int    // of the file, from 1; 0 = none
	Name   string // setting as it was spelled
	Text   string
}

// String is one line: FILE:LINE: name: text.
func (f Fault) String() string {
	var b strings.Builder
	if f.Source != "" {
		b.WriteString(f.Source)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		b.WriteString(": ")
	}
	if f.Name != "" {
		b.WriteString(f.Name + ": ")
	}
	return b.String() + f.Text
}

// A ConfigError is every fault found in a configuration, at least one.
type ConfigError struct {
	Faults []Fault
}

// Error is all faults in one line.
func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "; ")
}

// asError is nil when there is no fault.
func asError(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &ConfigError{Faults: faults}
}

// plain is an error's text without the package prefix, for a line that
// already says where it comes from.
func plain(err error) string {
	return strings.TrimPrefix(err.Error(), "server: ")
}
