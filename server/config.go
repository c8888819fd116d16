package server

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Config holds every setting of a server. It is made by LoadConfig or
// Defaults, which fill it from the table in setting.go; a Config put together
// by hand starts from Defaults.
type Config struct {
	// Public port.
	Listen          string   // host:port of API and streams; port 0 = any free one
	TLSCert, TLSKey string   // files; empty = clear text
	CORSOrigins     []string // origins browsers may call from; "*" = any, without credentials
	AllowedOrigins  []string // of pages that may open streams; empty = CORSOrigins
	DebugEcho       bool     // serve /debug/echo without credential

	// Callers.
	TrustedProxies prefixes // whose word on the client's address counts
	ProxyProtocol  bool     // they speak the PROXY protocol
	RateRequest    rate     // of one address; an account has a tenth
	RateRegister   rate
	RateLogin      rate
	RateTicket     rate
	RateUpgrade    rate
	RateAccept     rate // upgrades of all together; none = as many as go
	RateExempt     prefixes

	// Admin port.
	Admin          string // host:port of livez, readyz, metrics, pprof; empty = none
	AdminToken     string // bearer asked of callers; needed beyond loopback
	ReadyNeedsFeed bool   // readyz is 503 while an endpoint is not connected

	// Feed.
	Feed         []string      // ZeroMQ PUB endpoints
	StaleAfter   time.Duration // a feed silent for so long is stale
	FeedSeqField string        // of ticks: the feed's own number
	TokensMax    int           // tokens known at most

	// Streams.
	StreamsPerAccount int // 0 = no limit
	ReplaceOldest     bool
	TokensPerStream   int
	Loops             int // 0 = GOMAXPROCS
	RingBytes         int64
	MaxLag            int64 // bytes a slow stream may be behind before it is conflated
	RequestsPerSecond int
	RequestsBurst     int
	RefusedMax        int
	RequestBytes      int64
	SubscribeBytes    int64
	RequestWithin     time.Duration
	PartialBytes      int64
	BatchWindow       time.Duration // between turns of a busy loop; 0 = none
	StallTimeout      time.Duration // 0 = never
	RestartTime       time.Duration // from a drain's end until a server is there again
	HeartbeatEvery    time.Duration // between heartbeats of typed streams
	CloseOnExpiry     bool
	DrainWindow       time.Duration
	LatencyAPI        bool // serve /api/v1/latency

	// Messages.
	MessageBytes  int64 // of one at most
	InboxMessages int   // kept of each inbox and group
	InboxBytes    int64
	InboxAge      time.Duration

	// Accounts.
	Data       string // directory of the database
	BackupDir  string // directory of checkpoints; empty = backups in Data
	AccessTTL  time.Duration
	RefreshTTL time.Duration
	JWTKeyFile string // or directory; empty = the key made on first start, kept with the data

	// An issuer whose bearers are believed beside own ones.
	JWTIssuer        string // a URL; empty = none
	JWTKeySet        string // file or URL
	JWTAudience      string
	JWTUsernameClaim string

	// Logs.
	LogLevel  slog.Level
	LogFormat string // text or json

	// ConfigFile is where the file settings came from; empty = none.
	ConfigFile string

	// Warnings are remarks of LoadConfig that are no faults; Run logs them.
	Warnings []string

	// Logger is where Run logs; nil = LogTo, as LogLevel and LogFormat say.
	Logger *slog.Logger

	// LogTo takes the log when there is no Logger; nil = standard error.
	LogTo io.Writer

	supervisor    supervisor
	timeouts      timeouts
	hashMemoryKiB uint32        // less than the default in tests only
	deadAfter     time.Duration // shorter than the default in tests only
	memoryUsed    func() int64  // other than the runtime's in tests only
}

// timeouts are the waits of the public port. Tests shorten them.
type timeouts struct {
	header time.Duration // whole header read
	body   time.Duration // header and body read
	write  time.Duration // answer written
	idle   time.Duration // between two requests of a connection
}

// withDefaults fills in what is zero.
func (t timeouts) withDefaults() timeouts {
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&t.header, headerTimeout},
		{&t.body, bodyTimeout},
		{&t.write, writeTimeout},
		{&t.idle, idleTimeout},
	} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	return t
}

// Defaults is the Config of a server started without flags.
func Defaults() Config {
	var c Config
	for i := range settings {
		if err := settings[i].bind(&c).Set(settings[i].def); err != nil {
			panic("server: default of " + settings[i].name + ": " + err.Error())
		}
	}
	return c
}

// check finds faults that lie between settings, each of which is fine alone.
// Those with a setting that has a fault already are left for later.
func (c *Config) check(known []Fault) []Fault {
	var out []Fault
	bad := map[string]bool{}
	for _, f := range known {
		name := strings.TrimPrefix(f.Name, envPrefix)
		bad[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = true
	}
	add := func(name, text string, with ...string) {
		if !bad[name] && !slices.ContainsFunc(with, func(n string) bool { return bad[n] }) {
			out = append(out, Fault{Name: name, Text: text})
		}
	}
	if c.Admin != "" && !isLoopback(c.Admin) && c.AdminToken == "" {
		add("admin", c.Admin+
			" is reachable from other machines: set admin-token, or bind 127.0.0.1", "admin-token")
	}
	if c.Admin != "" && c.Admin == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		add("admin", "is the same address as listen: give it a port of its own", "listen")
	}
	if c.MaxLag > c.RingBytes {
		add("max-lag", "is larger than ring-bytes: a stream can't be further behind than the ring",
			"ring-bytes")
	}
	if c.TLSCert == "" && c.TLSKey != "" {
		add("tls-key", "needs the certificate that it is of, tls-cert", "tls-cert")
	}
	if c.SubscribeBytes < c.RequestBytes {
		add("subscribe-bytes", "is less than request-bytes", "request-bytes")
	}
	if c.RefreshTTL < c.AccessTTL {
		add("refresh-ttl", "is shorter than access-ttl", "access-ttl")
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		add("proxy-protocol", "needs trusted-proxies: nobody else's word is taken",
			"trusted-proxies")
	}
	for i, endpoint := range c.Feed {
		if slices.Contains(c.Feed[:i], endpoint) {
			add("feed", endpoint+" is given twice: each of its ticks would count twice")
		}
	}
	if (c.JWTIssuer == "") != (c.JWTKeySet == "") || (c.JWTIssuer == "") != (c.JWTAudience == "") {
		add("jwt-issuer", "is of use with jwt-jwks and jwt-audience: give all three, or none",
			"jwt-jwks", "jwt-audience")
	}
	if _, err := readKeys(c.JWTKeyFile); err != nil {
		add("jwt-key-file", strings.TrimPrefix(err.Error(), errKeyFile.Error()+": "))
	}
	return out
}

// remarks are on what is no fault, but seldom meant.
func (c *Config) remarks() (list []string) {
	if c.DebugEcho && !isLoopback(c.Listen) {
		list = append(list, "debug-echo: anyone who reaches "+c.Listen+
			" may open streams at /debug/echo, without credential")
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			list = append(list, "trusted-proxies: "+p.String()+
				" is everybody: any client may claim any address")
		}
	}
	if len(c.Feed) == 0 {
		list = append(list, "feed: none is given: no tick will come")
	}
	return list
}

// isLoopback says whether only this machine reaches addr. A name other than
// localhost is not trusted to stay on this machine.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
