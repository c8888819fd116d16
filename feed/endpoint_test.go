package feed

import (
	"errors"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for _, c := range []struct {
		in, network, addr string
		loopback          bool
	}{
		{"tcp://127.0.0.1:5556", "tcp", "127.0.0.1:5556", true},
		{"tcp://localhost:1", "tcp", "localhost:1", true},
		{"tcp://[::1]:5556", "tcp", "[::1]:5556", true},
		{"tcp://*:5556", "tcp", ":5556", false},
		{"tcp://0.0.0.0:0", "tcp", "0.0.0.0:0", false},
		{"tcp://feed.example:5556", "tcp", "feed.example:5556", false},
		{"ipc:///run/feed.sock", "unix", "/run/feed.sock", true},
	} {
		network, addr, err := ParseEndpoint(c.in)
		if network != c.network || addr != c.addr || err != nil {
			t.Errorf("ParseEndpoint(%q) = %q, %q, %v", c.in, network, addr, err)
		}
		if IsLoopback(c.in) != c.loopback {
			t.Errorf("IsLoopback(%q) = %v", c.in, !c.loopback)
		}
	}
	for _, in := range []string{"", "127.0.0.1:5556", "tcp://", "tcp://host", "tcp://:5556",
		"tcp://host:x", "tcp://host:65536", "tcp://host:-1", "udp://h:1", "ipc://", "tcp://a:1:2"} {
		if _, _, err := ParseEndpoint(in); !errors.Is(err, ErrEndpoint) {
			t.Errorf("ParseEndpoint(%q) = %v", in, err)
		}
	}
}
