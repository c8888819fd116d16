package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// smuggled follows a request that two readers could end at different places.
const smuggled = "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"

// Whatever could be read as two requests is answered once, with an error, and then the
// connection ends: what follows is read by nobody.
func TestAttackSmuggling(t *testing.T) {
	s := start(t)
	post := "POST /api/v1/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	get := "GET /healthcheck HTTP/1.1\r\nHost: x\r\n"
	for name, text := range map[string]string{
		"CL and TE":             post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE and CL":             post + "Transfer-Encoding: chunked\r\nContent-Length: 44\r\n\r\n0\r\n\r\n",
		"CL twice, differing":   post + "Content-Length: 2\r\nContent-Length: 44\r\n\r\n{}",
		"CL twice, alike":       post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"CL list":               post + "Content-Length: 2, 2\r\n\r\n{}",
		"CL plus":               post + "Content-Length: +2\r\n\r\n{}",
		"CL hex":                post + "Content-Length: 0x2\r\n\r\n{}",
		"CL negative":           post + "Content-Length: -2\r\n\r\n{}",
		"CL inside":             post + "Content-Length: 1 2\r\n\r\n{}",
		"CL empty":              post + "Content-Length:\r\n\r\n{}",
		"CL huge":               post + "Content-Length: 99999999999999999999\r\n\r\n{}",
		"CL folded":             get + "Content-Length:\r\n 2\r\n\r\n{}",
		"TE folded":             post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"TE blank before colon": post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"TE vertical tab":       post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		"TE identity":           post + "Transfer-Encoding: identity\r\n\r\n",
		"TE list":               post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"TE unknown":            post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"TE twice":              post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
		"TE empty":              post + "Transfer-Encoding:\r\n\r\n",
		"TE in HTTP/1.0": strings.Replace(post, "1.1", "1.0", 1) +
			"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"folded":              get + "X: a\r\n b\r\n\r\n",
		"folded with a tab":   get + "X: a\r\n\tb\r\n\r\n",
		"folded first":        "GET /healthcheck HTTP/1.1\r\n Host: x\r\n\r\n",
		"LF alone":            get + "X: a\n\r\n",
		"LF alone everywhere": strings.ReplaceAll(get+"\r\n", "\r\n", "\n"),
		"LF alone at the end": get + "\n",
		"LF hides a field":    get + "X: a\nContent-Length: 44\r\n\r\n",
		"CR alone":            get + "X: a\rb\r\n\r\n",
		"CR CR LF":            get + "X: a\r\r\n\r\n",
		"NUL":                 get + "X: a\x00b\r\n\r\n",
		"blank in a name":     get + "X Y: a\r\n\r\n",
		"no name":             get + ": a\r\n\r\n",
		"no colon":            get + "X\r\n\r\n",
		"two hosts":           get + "Host: y\r\n\r\n",
		"bad host":            "GET /healthcheck HTTP/1.1\r\nHost: x y\r\n\r\n",
		"chunk of hex":        post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
		"chunk plus":          post + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
		"chunk negative":      post + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
		"chunk huge":          post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"chunk with LF":       post + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
		"chunk too short":     post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		"chunk of blanks":     post + "Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n0\r\n\r\n",
		"chunk with extension": post + "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("x", 70_000) +
			"\r\n{}\r\n0\r\n\r\n",
	} {
		got := s.raw(text + smuggled)
		if n := strings.Count(got, "HTTP/1."); n != 1 || !strings.Contains(got, `{"detail":`) ||
			!strings.HasPrefix(got[len("HTTP/1.x"):], " 4") && !strings.HasPrefix(got, "HTTP/1.1 501 ") {
			t.Errorf("%s: %d answers: %.300q", name, n, got)
		}
	}
}

// What is in order goes on working: bodies in chunks, by length, several requests of a
// connection, and blank lines before one.
func TestAttackSmugglingSparesTheHonest(t *testing.T) {
	s := start(t)
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	rd := bufio.NewReader(c)
	post := "POST /api/v1/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for i, tc := range []struct {
		text string
		want int
	}{
		{smuggled, 200},
		{post + "content-LENGTH: 4\r\n\r\n\n \n\n", 422},
		{"\r\n" + smuggled, 200},
		{smuggled + smuggled, 200},
		{"", 200},
		{post + "Content-Length: 0\r\nX-Content-Length: 5\r\n\r\n", 422},
		{"GET /healthcheck HTTP/1.1\r\nHost: x\r\nX:\r\nTransfer-Encodin: y\r\n\r\n", 200},
		{post + "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 422},
	} {
		if _, err := io.WriteString(c, tc.text); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(rd, nil)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != tc.want {
			t.Errorf("%d: %d, want %d (%v)", i, r.StatusCode, tc.want, err)
		}
	}
}

// The admin port's pages are not on the public port, in whatever form they are asked for.
func TestAttackPaths(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	var targets []string
	for _, page := range []string{"metrics", "livez", "readyz", "debug/pprof/", "debug/pprof/heap",
		"debug/vars"} {
		up := strings.ToUpper(page)
		targets = append(targets, "/"+page, "//"+page, "/./"+page, "/x/../"+page, "/..;/"+page,
			"/api/v1/..;/"+page, "/api/v1/../../"+page, "/%2e%2e/"+page, "/%2f"+page, "/%2F%2F"+page,
			"/healthcheck/../"+page, "/healthcheck;/"+page, "/"+page+"%00", "/"+page+"%20", "/"+page+";a=b",
			"/"+page+"/", "/"+page+"?x", "/"+page+"%2f..%2fhealthcheck", "/"+up, `/\`+page, "/%5c"+page,
			"/%252f"+page, "/api/v1/ticks/../../../"+page, "/api/v1/ticks/..%2f..%2f..%2f"+page,
			"http://"+s.addrs.Admin+"/"+page, "http://localhost/"+page)
	}
	targets = append(targets, "*", "/healthcheck%00", "/healthcheck/", "/healthcheck/..", "/Healthcheck",
		"/%68ealthcheck/x", "/openapi.json/", "/openapi.json%00.html", "/.git/config", "/etc/passwd",
		"/api/v1/ticks/%2fetc%2fpasswd", "/api/v1/sessions/../tokens", "/"+strings.Repeat("a/", 3000))
	for _, target := range targets {
		for _, method := range []string{"GET", "POST"} {
			got := s.raw(method + " " + target + " HTTP/1.1\r\nHost: " + s.addrs.Admin +
				"\r\nAuthorization: Bearer " + bearer + "\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 404 ") && !strings.HasPrefix(got, "HTTP/1.1 400 ") &&
				!strings.HasPrefix(got, "HTTP/1.1 405 ") || !strings.Contains(got, `{"detail":"`) {
				t.Errorf("%s %.80s: %.200q", method, target, got)
			}
		}
	}
	got := s.raw("CONNECT " + s.addrs.Admin + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("CONNECT: %q", got)
	}
	if got := s.raw("TRACE /healthcheck HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n"); strings.Contains(got, "secret") {
		t.Errorf("TRACE: %q", got)
	}
}

// Bodies are read up to their limit; deep JSON is a fault of the sender's like any other.
func TestAttackBodies(t *testing.T) {
	s := start(t)
	const most = bodyBytesMax
	for name, tc := range map[string]struct {
		body   string
		status int
	}{
		"deep arrays":      {strings.Repeat("[", most), 422},
		"deep in a field":  {`{"username":` + strings.Repeat("[", most/2-20) + strings.Repeat("]", most/2-20) + `}`, 422},
		"deep objects":     {strings.Repeat(`{"a":`, most/5), 422},
		"many fields":      {"{" + strings.Repeat(`"a":1,`, most/6-2) + `"b":1}`, 422},
		"long number":      {`{"username":` + strings.Repeat("9", most-20) + `}`, 422},
		"long name":        {`{"password":"x","username":"` + strings.Repeat("a", most-40) + `"}`, 400},
		"one byte more":    {strings.Repeat(" ", most+1), 413},
		"not UTF-8":        {"{\"username\":\"\xff\"}", 400},
		"surrogate":        {`{"username":"\ud800","password":"12345678"}`, 422},
		"two objects":      {`{}{}`, 422},
		"field twice":      {`{"username":"ann","username":1,"password":"x"}`, 422},
		"null":             {`null`, 422},
		"prototype":        {`{"__proto__":{"username":"ann","password":"x"}}`, 422},
		"NoSQL-like query": {`{"username":{"$gt":""},"password":{"$gt":""}}`, 422},
	} {
		r := s.call("POST", "/api/v1/users/login", tc.body)
		if r.StatusCode != tc.status || r.at("detail") == nil {
			t.Errorf("%s: %d %.200s", name, r.StatusCode, r.body)
		}
	}
	r := s.call("POST", "/api/v1/token", "grant_type=password&username=a&username=b&password="+
		strings.Repeat("%00", 20000), "Content-Type", "application/x-www-form-urlencoded")
	if r.StatusCode != 422 {
		t.Errorf("form: %d %.200s", r.StatusCode, r.body)
	}
}

// A thousand sockets that send their header by the byte are each cut off in time, and
// others are served meanwhile.
func TestAttackSlowLoris(t *testing.T) {
	if limit, err := raiseLimit(); err != nil || limit < 4096 {
		t.Skipf("needs 4096 file descriptors, has %d (%v)", limit, err)
	}
	s := start(t, func(c *Config) { c.timeouts = timeouts{header: time.Second, idle: time.Second} })
	bearer := s.account("ann")
	stream := s.open("/api/v1/stream", bearer)
	var slow []net.Conn
	defer func() {
		for _, c := range slow {
			c.Close()
		}
	}()
	for range 1000 {
		c, err := net.Dial("tcp", s.addrs.Public)
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
		_, _ = io.WriteString(c, "GET /healthcheck HTTP/1.1\r\nHost: x\r\nX: ")
	}
	if r := s.call("GET", "/healthcheck", nil); r.StatusCode != 200 {
		t.Errorf("others: %d", r.StatusCode)
	}
	if got := say(t, stream, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("a stream: %q", got)
	}
	done := make(chan int)
	for _, c := range slow {
		go func() {
			_ = c.SetDeadline(time.Now().Add(8 * time.Second))
			n := 0
			for {
				if _, err := c.Write([]byte("a")); err != nil {
					break // cut off
				}
				n++
				if ne, ok := peekEnd(c); ok || !ne {
					break
				}
			}
			done <- n
		}()
	}
	for range slow {
		if n := <-done; n > 100 {
			t.Fatalf("a socket could send %d bytes", n)
		}
	}
	eventually(t, "all are given back", func() bool {
		return strings.Contains(string(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil).body),
			"\nazira_http_connections 0\n")
	})
	s.open("/api/v1/stream", bearer)
}

// peekEnd waits a little for what the server says: whether the wait was in vain, and
// whether the connection has ended.
func peekEnd(c net.Conn) (waited, ended bool) {
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	ne, ok := err.(net.Error)
	waited = ok && ne.Timeout()
	return waited, err != nil && !waited
}

func TestAttackHugeHeader(t *testing.T) {
	s := start(t)
	for name, text := range map[string]string{
		"one line":    "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20),
		"many lines":  "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: a\r\n", 100_000),
		"long target": "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"long method": strings.Repeat("A", 1<<20) + " / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a cookie":    "GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + strings.Repeat("b", 9000) + "\r\n\r\n",
	} {
		c, err := net.Dial("tcp", s.addrs.Public)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = io.WriteString(c, text) }()
		p := make([]byte, 16)
		if _, err := io.ReadFull(c, p); err == nil && string(p[:12]) != "HTTP/1.1 431" {
			t.Errorf("%s: %q", name, p)
		}
		c.Close()
	}
	if r := s.call("GET", "/healthcheck", nil); r.StatusCode != 200 {
		t.Errorf("after that: %d", r.StatusCode)
	}
}

// What browsers are told with every answer, errors as well.
func TestSecurityHeaders(t *testing.T) {
	s := start(t, trusting(false))
	for _, path := range []string{"/healthcheck", "/nowhere", "/api/v1/stream", "/openapi.json"} {
		r := s.call("GET", path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
		} {
			if got := r.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
		if r.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS in clear text", path)
		}
	}
	clear := s.raw("GET /healthcheck HTTP/1.1\r\nHost: azira.example\r\nConnection: close\r\n\r\n")
	if strings.Contains(clear, "Strict-Transport-Security") {
		t.Errorf("HSTS in clear text: %q", clear)
	}
	for host, want := range map[string]bool{"azira.example": true, "azira.example:444": true,
		"localhost:8000": false, "127.0.0.1": false, "[::1]:8000": false} {
		got := s.raw("GET /healthcheck HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-Proto: https\r\n" +
			"Connection: close\r\n\r\n")
		if strings.Contains(got, "\r\nStrict-Transport-Security: max-age=") != want {
			t.Errorf("%s: %q", host, got)
		}
	}
	bearer := s.account("ann")
	for _, path := range []string{"/api/v1/stream/ticket", "/ws/token", "/api/v1/users/login", "/api/v1/token"} {
		r := s.call("POST", path, credentials("ann", goodPassword), as(bearer)...)
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
}

// Names, agents and paths are anybody's. They forge no line of the log and send no
// escape to the terminal of who reads it.
func TestAttackLogInjection(t *testing.T) {
	const forged = "\nlevel=ERROR msg=forged \x1b[2J\x1b]0;owned\x07\u202e\u2028"
	s := start(t)
	bearer := s.account("ann")
	s.call("POST", "/api/v1/users/login", credentials("ann"+forged, "pass"+forged))
	s.call("POST", "/api/v1/users/register", credentials("bob"+forged, goodPassword))
	s.call("GET", "/x%0Alevel=ERROR%20msg=forged%1b[2J%E2%80%AE", nil)
	s.raw("GET /%1b[31m HTTP/1.1\r\nHost: \x1b[31m\r\nUser-Agent: \x1b[31m\r\n\r\n")
	s.raw("FORGED\x1b[31m / HTTP/1.1\r\nHost: x\r\n\r\n")
	s.raw("GET /healthcheck HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\x1b[31m\r\n\r\n")
	s.raw(upgradeText("/api/v1/stream?hb_ms=5000%0A", "+Authorization: Bearer "+bearer,
		"+User-Agent: \u202eevil", "+Origin: \u202eevil"))
	for i, line := range strings.Split(s.log.String(), "\n") {
		if strings.HasPrefix(line, "level=ERROR") || strings.ContainsAny(line, "\x1b\x07\r\u202e\u2028") {
			t.Errorf("line %d: %q", i, line)
		}
	}
}

// A whole run leaves no password, bearer, refresh token or ticket in the log, in
// metrics, or in an error.
func TestAttackSecretsLeft(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	pair := s.call("POST", "/api/v1/token", credentials("ann", goodPassword))
	ticket := s.call("POST", "/ws/token", nil, as(bearer)...).text("token")
	secrets := []string{bearer, goodPassword, pair.text("access_token"), pair.text("refresh_token"), ticket,
		"wrong secret", "new secret 1"}
	var answers strings.Builder
	keep := func(r reply) { fmt.Fprintln(&answers, r.StatusCode, r.Header, string(r.body)) }
	keep(s.call("GET", "/api/v1/stream?ticket="+ticket, nil))
	keep(s.call("GET", "/api/v1/stream?ticket="+ticket, nil))
	keep(s.call("GET", "/api/v1/stream?token="+bearer, nil))
	keep(s.call("GET", "/api/trigger/ws/"+bearer, nil, as(bearer)...))
	keep(s.call("GET", "/nowhere/"+bearer, nil, as(bearer+"x")...))
	keep(s.call("GET", "/api/v1/sessions", nil, as(bearer)...))
	for range pairFree + 3 {
		keep(s.call("POST", "/api/v1/users/login", credentials("ann", "wrong secret")))
	}
	keep(s.call("POST", "/api/v1/users/refresh", map[string]string{"refresh_token": "wrong secret"}))
	keep(s.call("POST", "/api/v1/users/register", credentials("wrong secret\x00", goodPassword)))
	keep(s.call("PUT", "/api/v1/users/password", map[string]string{"old_password": goodPassword,
		"new_password": "new secret 1"}, as(bearer)...))
	keep(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for i, secret := range secrets {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds secret %d", i)
		}
		if strings.Contains(answers.String(), secret) {
			t.Errorf("an answer holds secret %d", i)
		}
	}
	if !strings.Contains(s.log.String(), "path=/api/v1/users/login status=429") {
		t.Error("no request is in the log")
	}
}
