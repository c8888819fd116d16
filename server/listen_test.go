package server

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"
)

// An address of IPv4 opens nothing else: rules of a firewall are for one or the other.
func TestListenIPv4(t *testing.T) {
	for addr, both := range map[string]bool{"0.0.0.0:0": false, "127.0.0.1:0": false, ":0": true} {
		ln, err := listen("listen", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		for host, open := range map[string]bool{"127.0.0.1": true, "::1": both} {
			if host == "::1" && !hasIPv6() {
				continue
			}
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second)
			if err == nil {
				c.Close()
			}
			if (err == nil) != open {
				t.Errorf("%s: %s is open: %v", addr, host, err == nil)
			}
		}
		ln.Close()
	}
}

func hasIPv6() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		ln.Close()
	}
	return err == nil
}

// Durations have their unit in both forms of log.
func TestLogDurations(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		c := Defaults()
		c.LogFormat, c.LogTo = format, &b
		c.logger().Info("x", "window", 10*time.Second)
		if !strings.Contains(b.String(), "10s") {
			t.Errorf("%s: %s", format, b.String())
		}
	}
}
