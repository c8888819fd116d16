package server

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"azira/engine"
	"azira/feed"
)

// A setting is one row of the only table of settings: flag, environment twin,
// key of the file, default, check and help all come from it.
type setting struct {
	name   string // --streams-per-account, AZIRA_STREAMS_PER_ACCOUNT, streams-per-account =
	group  string
	arg    string // stands for the value in the help; empty for switches
	def    string
	help   string
	secret bool // never shown
	bind   func(c *Config) field
}

const (
	groupPublic   = "Public port"
	groupAdmin    = "Admin port"
	groupCallers  = "Callers"
	groupFeed     = "Feed"
	groupStreams  = "Streams"
	groupMessages = "Messages"
	groupAccount  = "Accounts"
	groupLogs     = "Logs"
)

var groups = []string{
	groupPublic, groupCallers, groupFeed, groupStreams, groupMessages, groupAccount, groupAdmin,
	groupLogs,
}

var settings = []setting{
	{name: "listen", group: groupPublic, arg: "ADDR", def: "127.0.0.1:8000",
		help: "host:port of the API and the streams; port 0 takes any free one",
		bind: func(c *Config) field { return textField{&c.Listen, checkAddr} }},
	{name: "tls-cert", group: groupPublic, arg: "FILE",
		help: "certificate and chain in PEM: serve https and wss; read again when it changes",
		bind: func(c *Config) field { return textField{&c.TLSCert, nil} }},
	{name: "tls-key", group: groupPublic, arg: "FILE",
		help: "its private key in PEM; without it, that is in the same file",
		bind: func(c *Config) field { return textField{&c.TLSKey, nil} }},
	{name: "cors-origins", group: groupPublic, arg: "URL,…", def: "*",
		help: "origins browsers may call from; * is any, then without credentials",
		bind: func(c *Config) field { return listField{&c.CORSOrigins, checkOrigin} }},
	{name: "allowed-origins", group: groupPublic, arg: "URL,…",
		help: "origins whose pages may open streams, besides the server's own;" +
			" empty is those of cors-origins",
		bind: func(c *Config) field { return listField{&c.AllowedOrigins, checkOrigin} }},
	{name: "debug-echo", group: groupPublic, def: "false",
		help: "serve an echo stream at /debug/echo, without credential, for conformance runs",
		bind: func(c *Config) field { return boolField{&c.DebugEcho} }},

	{name: "trusted-proxies", group: groupCallers, arg: "NET,…",
		help: "proxies that are believed what X-Forwarded-For says of the client's address",
		bind: func(c *Config) field { return prefixField{&c.TrustedProxies} }},
	{name: "proxy-protocol", group: groupCallers, def: "false",
		help: "trusted proxies send a PROXY header instead, version 1 or 2, on each connection",
		bind: func(c *Config) field { return boolField{&c.ProxyProtocol} }},
	{name: "rate-request", group: groupCallers, arg: "RATE", def: "200/s",
		help: "requests of one address, as N/s, N/m, N/h or off; what 20 s bring, or 20, may come" +
			" at once; an account has a tenth",
		bind: func(c *Config) field { return rateField{&c.RateRequest} }},
	{name: "rate-register", group: groupCallers, arg: "RATE", def: "20/m",
		help: "accounts made from one address",
		bind: func(c *Config) field { return rateField{&c.RateRegister} }},
	{name: "rate-login", group: groupCallers, arg: "RATE", def: "5/s",
		help: "passwords checked for one address; wrong ones are slowed down besides",
		bind: func(c *Config) field { return rateField{&c.RateLogin} }},
	{name: "rate-ticket", group: groupCallers, arg: "RATE", def: "50/s",
		help: "tickets for one address; an account has a tenth",
		bind: func(c *Config) field { return rateField{&c.RateTicket} }},
	{name: "rate-upgrade", group: groupCallers, arg: "RATE", def: "100/s",
		help: "streams opened, or tried, from one address; an account has a tenth",
		bind: func(c *Config) field { return rateField{&c.RateUpgrade} }},
	{name: "rate-accept", group: groupCallers, arg: "RATE", def: "off",
		help: "streams opened by all; off is as many as the machine can",
		bind: func(c *Config) field { return rateField{&c.RateAccept} }},
	{name: "rate-exempt", group: groupCallers, arg: "NET,…", def: "127.0.0.0/8,::1",
		help: "networks without these rates; wrong passwords are slowed down there too",
		bind: func(c *Config) field { return prefixField{&c.RateExempt} }},

	{name: "feed", group: groupFeed, arg: "URL,…", def: "tcp://127.0.0.1:5556",
		help: "ZeroMQ PUB endpoints to take ticks from",
		bind: func(c *Config) field { return listField{&c.Feed, checkEndpoint} }},
	{name: "stale-after", group: groupFeed, arg: "TIME", def: "1s",
		help: "a feed without a tick for so long counts as stale",
		bind: func(c *Config) field {
			return durationField(&c.StaleAfter, 10*time.Millisecond, 24*time.Hour)
		}},
	{name: "feed-seq-field", group: groupFeed, arg: "NAME",
		help: "field of a tick that counts its token's ticks: holes are counted and told",
		bind: func(c *Config) field { return textField{&c.FeedSeqField, checkFieldName} }},
	{name: "tokens-max", group: groupFeed, arg: "N", def: "100000",
		help: "tokens known at most; ticks of more are counted and dropped",
		bind: func(c *Config) field { return numberField(&c.TokensMax, 1, 10_000_000) }},

	{name: "streams-per-account", group: groupStreams, arg: "N", def: "3",
		help: "open streams of one account at most; 0 is no limit",
		bind: func(c *Config) field { return numberField(&c.StreamsPerAccount, 0, 1_000_000) }},
	{name: "replace-oldest", group: groupStreams, def: "false",
		help: "close an account's oldest stream for one too many, instead of refusing it",
		bind: func(c *Config) field { return boolField{&c.ReplaceOldest} }},
	{name: "tokens-per-stream", group: groupStreams, arg: "N", def: "3000",
		help: "tokens one stream may hold",
		bind: func(c *Config) field { return numberField(&c.TokensPerStream, 1, 10_000_000) }},
	{name: "loops", group: groupStreams, arg: "N", def: "0",
		help: "event loops; 0 is one for each processor Go may use",
		bind: func(c *Config) field { return numberField(&c.Loops, 0, loopsMax) }},
	{name: "ring-bytes", group: groupStreams, arg: "SIZE", def: "64MiB",
		help: "memory of a ring of ticks, a power of two: how far back a slow stream may read;" +
			" with all dialects in use 7 times as much",
		bind: func(c *Config) field {
			return ringField(&c.RingBytes, ringBytesMin, ringBytesMax)
		}},
	{name: "requests-per-second", group: groupStreams, arg: "N", def: "10",
		help: "requests of one stream that are served per second",
		bind: func(c *Config) field { return numberField(&c.RequestsPerSecond, 1, 10_000) }},
	{name: "requests-burst", group: groupStreams, arg: "N", def: "50",
		help: "requests of one stream that are served at once",
		bind: func(c *Config) field { return numberField(&c.RequestsBurst, 1, 6000) }},
	{name: "refused-max", group: groupStreams, arg: "N", def: "500",
		help: "requests refused in a row after which a stream is closed",
		bind: func(c *Config) field { return numberField(&c.RefusedMax, 1, 60_000) }},
	{name: "request-bytes", group: groupStreams, arg: "SIZE", def: "4KiB",
		help: "the greatest request, but for subscribe",
		bind: func(c *Config) field { return sizeField(&c.RequestBytes, 128, 64<<10) }},
	{name: "subscribe-bytes", group: groupStreams, arg: "SIZE", def: "128KiB",
		help: "the greatest subscribe",
		bind: func(c *Config) field { return sizeField(&c.SubscribeBytes, 128, 16<<20) }},
	{name: "request-within", group: groupStreams, arg: "TIME", def: "10s",
		help: "a request must be complete so long after its first byte",
		bind: func(c *Config) field {
			return durationField(&c.RequestWithin, time.Second, time.Hour)
		}},
	{name: "partial-bytes", group: groupStreams, arg: "SIZE", def: "16MiB",
		help: "memory of each loop for incomplete requests and unread answers",
		bind: func(c *Config) field { return sizeField(&c.PartialBytes, 1<<20, 1<<40) }},
	{name: "max-lag", group: groupStreams, arg: "SIZE", def: "1MiB",
		help: "a stream further behind is given the newest ticks only",
		bind: func(c *Config) field { return sizeField(&c.MaxLag, 4<<10, ringBytesMax) }},
	{name: "batch-window", group: groupStreams, arg: "TIME", def: "5ms",
		help: "a loop busy over half its time gathers ticks for so long; 0 is never",
		bind: func(c *Config) field {
			return durationField(&c.BatchWindow, 0, 100*time.Millisecond)
		}},
	{name: "stall-timeout", group: groupStreams, arg: "TIME", def: "1m",
		help: "a stream that takes nothing for so long is closed; 0 is never",
		bind: func(c *Config) field { return durationField(&c.StallTimeout, 0, 24*time.Hour) }},
	{name: "heartbeat-every", group: groupStreams, arg: "TIME", def: "5s",
		help: "how often a typed stream is told what proves it complete",
		bind: func(c *Config) field {
			return durationField(&c.HeartbeatEvery, engine.BeatMin, engine.BeatMax)
		}},
	{name: "close-on-expiry", group: groupStreams, def: "false",
		help: "close a stream when the bearer that opened it expires",
		bind: func(c *Config) field { return boolField{&c.CloseOnExpiry} }},
	{name: "restart-time", group: groupStreams, arg: "TIME", def: "2s",
		help: "from the end of a drain until a server is there again, as clients are told;" +
			" 0 if others take the streams at once",
		bind: func(c *Config) field { return durationField(&c.RestartTime, 0, time.Hour) }},
	{name: "drain-window", group: groupStreams, arg: "TIME", def: "10s",
		help: "at the end streams are closed at instants spread over this time",
		bind: func(c *Config) field { return durationField(&c.DrainWindow, 0, time.Hour) }},

	{name: "message-bytes", group: groupMessages, arg: "SIZE", def: "16KiB",
		help: "the greatest message to a user",
		bind: func(c *Config) field { return sizeField(&c.MessageBytes, 1, 32<<10) }},
	{name: "inbox-messages", group: groupMessages, arg: "N", def: "1000",
		help: "messages kept for a user, and for a vendor's group; the oldest make room",
		bind: func(c *Config) field { return numberField(&c.InboxMessages, 1, 1_000_000) }},
	{name: "inbox-bytes", group: groupMessages, arg: "SIZE", def: "16MiB",
		help: "and their bytes",
		bind: func(c *Config) field { return sizeField(&c.InboxBytes, 64<<10, 1<<30) }},
	{name: "inbox-age", group: groupMessages, arg: "TIME", def: "168h",
		help: "and for how long",
		bind: func(c *Config) field {
			return durationField(&c.InboxAge, time.Second, 10*365*24*time.Hour)
		}},

	{name: "data", group: groupAccount, arg: "DIR", def: "azira-data",
		help: "directory of the database; made if it is not there",
		bind: func(c *Config) field { return textField{&c.Data, checkFilled} }},
	{name: "backup-dir", group: groupAccount, arg: "DIR",
		help: "directory that checkpoints are made in; none is backups inside of that of the data",
		bind: func(c *Config) field { return textField{&c.BackupDir, nil} }},
	{name: "access-ttl", group: groupAccount, arg: "TIME", def: "30m",
		help: "life of a bearer",
		bind: func(c *Config) field {
			return durationField(&c.AccessTTL, time.Second, 30*24*time.Hour)
		}},
	{name: "refresh-ttl", group: groupAccount, arg: "TIME", def: "720h",
		help: "life of a refresh token",
		bind: func(c *Config) field {
			return durationField(&c.RefreshTTL, time.Second, 10*365*24*time.Hour)
		}},
	{name: "jwt-key-file", group: groupAccount, arg: "PATH", def: "",
		help: "signing key of at least 32 bytes, or a directory of some, the last by name signs;" +
			" read again when it changes; none is a key kept with the data",
		bind: func(c *Config) field { return textField{&c.JWTKeyFile, nil} }},
	{name: "jwt-issuer", group: groupAccount, arg: "URL",
		help: "believe the bearers of this issuer too: its users are HOST/NAME here",
		bind: func(c *Config) field { return textField{&c.JWTIssuer, checkIssuer} }},
	{name: "jwt-jwks", group: groupAccount, arg: "FILE|URL",
		help: "its keys (JWKS), fetched again every 5 minutes; https, or http on loopback",
		bind: func(c *Config) field { return textField{&c.JWTKeySet, checkKeySet} }},
	{name: "jwt-audience", group: groupAccount, arg: "WORD",
		help: "what its bearers must be for (aud)",
		bind: func(c *Config) field { return textField{&c.JWTAudience, nil} }},
	{name: "jwt-username-claim", group: groupAccount, arg: "NAME", def: "sub",
		help: "the claim of them that is the user's name",
		bind: func(c *Config) field { return textField{&c.JWTUsernameClaim, checkFilled} }},

	{name: "admin", group: groupAdmin, arg: "ADDR", def: "127.0.0.1:8001",
		help: "host:port of livez, readyz, metrics and pprof; off is none",
		bind: func(c *Config) field { return adminField{textField{&c.Admin, checkAddr}} }},
	{name: "admin-token", group: groupAdmin, arg: "WORD", def: "", secret: true,
		help: "bearer asked of callers of the admin port; needed beyond loopback",
		bind: func(c *Config) field { return textField{&c.AdminToken, checkAdminToken} }},
	{name: "latency-api", group: groupStreams, def: "true",
		help: "users may ask how long ticks take, at /api/v1/latency; false: it is not there",
		bind: func(c *Config) field { return boolField{&c.LatencyAPI} }},

	{name: "ready-needs-feed", group: groupAdmin, def: "false",
		help: "readyz answers 503 while an endpoint of the feed is not connected",
		bind: func(c *Config) field { return boolField{&c.ReadyNeedsFeed} }},

	{name: "log-level", group: groupLogs, arg: "LEVEL", def: "info",
		help: "debug, info, warn or error",
		bind: func(c *Config) field { return levelField{&c.LogLevel} }},
	{name: "log-format", group: groupLogs, arg: "WORD", def: "text",
		help: "text or json",
		bind: func(c *Config) field { return textField{&c.LogFormat, checkFormat} }},
}

// adminField takes "off" for no admin port.
type adminField struct{ textField }

func (f adminField) Set(s string) error {
	if s == "off" {
		*f.at = ""
		return nil
	}
	return f.textField.Set(s)
}

func checkAddr(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return errAddr
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return errAddr
	}
	return nil
}

func checkFieldName(s string) error {
	if !utf8.ValidString(s) || len(s) > fieldNameBytesMax || strings.ContainsAny(s, "\"\\") {
		return errFieldName
	}
	return nil
}

func checkEndpoint(s string) error {
	_, addr, err := feed.ParseEndpoint(s)
	if err != nil || strings.HasPrefix(addr, ":") || strings.HasSuffix(addr, ":0") {
		return errEndpoint
	}
	return nil
}

func checkOrigin(s string) error {
	if s == "*" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || s != u.Scheme+"://"+u.Host {
		return errOrigin
	}
	return nil
}

func checkFilled(s string) error {
	if s == "" {
		return errEmpty
	}
	return nil
}

func checkFormat(s string) error {
	if s != "text" && s != "json" {
		return errFormat
	}
	return nil
}

func checkAdminToken(s string) error {
	if s == "" {
		return nil
	}
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return errShort
		}
	}
	if len(s) < adminTokenMin {
		return errShort
	}
	return nil
}
