package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A recipe is a proxy as docs/proxy.md configures it.
type recipe struct {
	name    string
	program string
	block   string // of the page
	change  []string
	args    func(file string) []string
	direct  bool // TLS is passed on, with the PROXY protocol
}

func recipes() []recipe {
	haproxy := func(file string) []string { return []string{"-db", "-f", file} }
	v1 := []string{"send-proxy-v2", "send-proxy"}
	return []recipe{
		{"nginx", "nginx", "nginx",
			[]string{"events {", "daemon off; pid DIR/pid; error_log DIR/error.log;\nevents {",
				"http {", "http { access_log off; client_body_temp_path DIR/body; proxy_temp_path DIR/p;" +
					" fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;"},
			func(file string) []string { return []string{"-p", filepath.Dir(file), "-c", file} }, false},
		{"haproxy", "haproxy", "haproxy", nil, haproxy, false},
		{"haproxy PROXY v2", "haproxy", "haproxy-tcp", nil, haproxy, true},
		{"haproxy PROXY v1", "haproxy", "haproxy-tcp", v1, haproxy, true},
		{"caddy", "caddy", "caddy",
			[]string{"azira.example {", "{\nadmin off\nauto_https off\n}\nhttps://PUBLIC {\n tls CERT KEY"},
			func(file string) []string {
				return []string{"run", "--adapter", "caddyfile", "--config", file}
			}, false},
	}
}

// proxyAddr is a free address that a proxy will listen on.
func proxyAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// pageBlock is the text of a block of code in docs/proxy.md.
func pageBlock(t *testing.T, kind string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n```"+kind+"\n")
	text, _, ended := strings.Cut(rest, "```")
	if !ok || !ended {
		t.Fatalf("docs/proxy.md has no block %s", kind)
	}
	return text
}

// start runs the proxy in front of a server and returns its address, once it listens.
func (rc recipe) start(t *testing.T, dir, server, cert, key string) string {
	t.Helper()
	public, both := proxyAddr(t), filepath.Join(dir, "both.pem")
	var p []byte
	for _, name := range []string{cert, key} {
		part, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p = append(p, part...)
	}
	if err := os.WriteFile(both, p, 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(rc.change...).Replace(pageBlock(t, rc.block))
	text = strings.NewReplacer("DIR", dir, "PUBLIC", public, "CERT", cert, "KEY", key,
		"listen 443", "listen "+public, "bind :443", "bind "+public, "127.0.0.1:8000", server,
		"/etc/ssl/azira.pem", cert, "/etc/ssl/azira.key", key, "/etc/ssl/azira-with-key.pem", both).
		Replace(text)
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(rc.program, rc.args(file)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", rc.name, log.String())
		}
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", public)
		if err == nil {
			c.Close()
			return public
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", rc.name, err)
		}
	}
}

// Each proxy passes streams on, and the client's address is seen as it is, whatever the
// client says of it.
func TestProxyRecipes(t *testing.T) {
	for _, rc := range recipes() {
		t.Run(rc.name, func(t *testing.T) {
			if _, err := exec.LookPath(rc.program); err != nil {
				t.Skipf("%s is not installed", rc.program)
			}
			dir, err := os.MkdirTemp("", "azira-proxy") // a proxy may give up its rights
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			_ = os.Chmod(dir, 0o755)
			cert, key, pool := writeCertificate(t, dir, 1)
			s := start(t, func(c *Config) {
				c.TrustedProxies = prefixes{netip.MustParsePrefix("127.0.0.1/32")}
				if c.ProxyProtocol = rc.direct; rc.direct {
					c.TLSCert, c.TLSKey = cert, key
				}
			})
			rc.check(t, s, rc.start(t, dir, s.addrs.Public, cert, key), pool)
		})
	}
}

func (rc recipe) check(t *testing.T, s *running, public string, pool *x509.CertPool) {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: from.DialContext, TLSClientConfig: &tls.Config{RootCAs: pool},
	}}
	call := func(method, path, body string, headers ...string) (*http.Response, string) {
		r, err := http.NewRequest(method, "https://"+public+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", "6.6.6.6")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		p, _ := io.ReadAll(resp.Body)
		return resp, string(p)
	}
	r, _ := call("POST", "/api/v1/users/register", `{"username":"ann","password":"`+goodPassword+`"}`)
	bearer := ""
	for _, k := range r.Cookies() {
		if k.Name == "access_token" {
			bearer = strings.TrimPrefix(strings.Trim(k.Value, `"`), "Bearer ")
			if !k.Secure {
				t.Error("the cookie is not for TLS alone")
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss://"+public+"/api/v1/stream", &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Authorization": {"Bearer " + bearer},
			"X-Forwarded-For": {"6.6.6.6"}, "Origin": {"https://" + public}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	if got := say(t, ws, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("%q", got)
	}
	if _, body := call("GET", "/api/v1/sessions", "", as(bearer)...); !strings.Contains(body,
		`"address":"127.0.0.2`) {
		t.Errorf("%s", body)
	}
	if r, _ := call("GET", "/metrics", ""); r.StatusCode != 404 {
		t.Errorf("metrics: %d", r.StatusCode)
	}
	if strings.Contains(s.log.String(), "6.6.6.6") {
		t.Error("an invented address is in the log")
	}
	if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}
