package server

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"azira/engine"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "azira.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestConfigLayers(t *testing.T) {
	file := writeConfig(t, "listen = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\ntokens_max = 3\n"+
		"feed = [\"tcp://a:1\",\n \"tcp://b:2\"]\nring-bytes = 2_097_152\n")
	env := []string{"AZIRA_ADMIN=127.0.0.1:4", "AZIRA_TOKENS_MAX=5", "AZIRA_LOOPS=", "HOME=/x"}
	c, err := LoadConfig([]string{"--config", file, "--tokens-max=6", "--debug-echo"}, env, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Listen, want.Admin, want.TokensMax = "127.0.0.1:1", "127.0.0.1:4", 6
	want.Feed = []string{"tcp://a:1", "tcp://b:2"}
	want.RingBytes, want.DebugEcho, want.ConfigFile = 2<<20, true, file
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

func TestConfigDefaults(t *testing.T) {
	c := Defaults()
	if c.Listen != "127.0.0.1:8000" || c.Admin != "127.0.0.1:8001" || c.StreamsPerAccount != 3 ||
		c.TokensPerStream != 3000 || c.AccessTTL != 30*time.Minute || c.MaxLag != 1<<20 ||
		c.StaleAfter != time.Second || c.DrainWindow != 10*time.Second || c.DebugEcho ||
		c.StallTimeout != time.Minute || c.TokensMax != 100_000 || c.LogLevel != slog.LevelInfo {
		t.Errorf("defaults differ from the contract: %+v", c)
	}
}

// Every setting can be given three ways and each has the same effect.
func TestConfigTwins(t *testing.T) {
	keyFile := writeConfig(t, strings.Repeat("k", keyBytesMin))
	odd := map[string]string{"listen": "127.0.0.1:77", "admin": "127.0.0.1:78",
		"cors-origins": "https://a.b", "feed": "tcp://f:9", "stale-after": "3s", "request-bytes": "8KiB",
		"subscribe-bytes": "64KiB", "request-within": "3s", "restart-time": "4s", "partial-bytes": "2MiB", "tls-cert": "cert.pem", "feed-seq-field": "no", "ring-bytes": "8MiB",
		"max-lag": "2MiB", "batch-window": "1ms", "stall-timeout": "5s", "heartbeat-every": "2s", "drain-window": "1s", "data": "other",
		"access-ttl": "1m", "refresh-ttl": "2h", "jwt-key-file": keyFile, "jwt-username-claim": "email", "log-level": "warn",
		"trusted-proxies": "10.0.0.0/8,fd00::1", "rate-exempt": "10.1.2.3", "allowed-origins": "https://a.b",
		"rate-request": "7/s", "rate-register": "7/s", "rate-login": "7/h", "rate-ticket": "off",
		"rate-upgrade": "off", "rate-accept": "7/m",
		"admin-token": "0123456789abcdef", "log-format": "json",
		"backup-dir": "copies", "inbox-bytes": "1MiB", "inbox-age": "24h", "latency-api": "false"}
	for _, st := range settings {
		switch st.name {
		case "tls-key", "jwt-issuer", "jwt-jwks", "jwt-audience", "proxy-protocol":
			continue // none goes alone; TestConfigRefuses and TestIssuerConfig have them
		}
		text, ok := odd[st.name]
		if !ok {
			if text = "7"; st.def == "false" {
				text = "true"
			}
		}
		quoted := `"` + text + `"`
		if text == "7" || text == "true" || text == "false" {
			quoted = text
		}
		byFlag, err := LoadConfig([]string{"--" + st.name + "=" + text}, nil, io.Discard)
		byEnv, err2 := LoadConfig(nil, []string{envName(st.name) + "=" + text}, io.Discard)
		file := writeConfig(t, st.name+" = "+quoted)
		byFile, err3 := LoadConfig([]string{"--config", file}, nil, io.Discard)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Errorf("%s: %v", st.name, err)
			continue
		}
		byFile.ConfigFile, byFlag.Warnings = "", nil // of secrets among flags
		if !reflect.DeepEqual(byFlag, byEnv) || !reflect.DeepEqual(byFlag, byFile) {
			t.Errorf("%s: the three sources differ", st.name)
		}
		if reflect.DeepEqual(byFlag, Defaults()) {
			t.Errorf("%s: has no effect", st.name)
		}
	}
}

// Faults between settings are told beside those of single ones, but not those
// that only follow from them.
func TestConfigFaultsTogether(t *testing.T) {
	short := writeConfig(t, "short")
	for text, want := range map[string][]string{
		"listn = \"x\"\naccess-ttl = \"2h\"\nrefresh-ttl = \"1h\"": {
			"listn: unknown key; did you mean listen?", "refresh-ttl: is shorter than access-ttl"},
		"ring-bytes = \"3MiB\"\nmax-lag = \"128MiB\"": {"ring-bytes: expected a power of two"},
		"feed = [\"tcp://a:1\", \"tcp://b:1\", \"tcp://a:1\"]": {
			"feed: tcp://a:1 is given twice"},
		"jwt-key-file = \"/nowhere/key\"":  {"jwt-key-file: /nowhere/key can't be read: no such file"},
		"jwt-key-file = \"" + short + "\"": {"at least 32 are needed"},
		"rate = 5":                         {"rate: unknown key"},
		"\xef\xbb\xbfloops = 1":            {":1: begins with a byte order mark"},
	} {
		var ce *ConfigError
		if _, err := CheckFile(writeConfig(t, text), nil); !errors.As(err, &ce) ||
			len(ce.Faults) != len(want) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for i, f := range ce.Faults {
			if !strings.Contains(f.String(), want[i]) || strings.Contains(f.Text, "mean data") {
				t.Errorf("%q: %v, want %q", text, f, want[i])
			}
		}
	}
	if _, err := CheckFile("/nowhere.toml", nil); !errors.Is(err, errUnreadable) {
		t.Errorf("%v", err)
	}
}

func TestConfigFaults(t *testing.T) {
	file := writeConfig(t, strings.Join([]string{
		`# a comment`,
		`listn = "127.0.0.1:8000"`,
		`tokens-max = "many"`,
		`loops = -1`,
		`feed = ["udp://x:1"]`,
		``,
		`[server]`,
		`data = "x"`,
	}, "\n"))
	_, err := CheckFile(file, nil)
	var ce *ConfigError
	if !errors.As(err, &ce) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range ce.Faults {
		got = append(got, strings.TrimPrefix(f.String(), file))
	}
	for i, want := range []string{
		":2: listn: unknown key; did you mean listen?",
		":3: tokens-max: expected a whole number",
		":4: loops: out of range: expected 0 to 256",
		":5: feed: expected tcp://host:port or ipc://path, got \"udp://x:1\"",
		":7: server: expected settings without tables",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("fault %d of %q: want %q", i, got, want)
		}
	}
}

// What a configuration may say of the engine, the engine takes; what the engine
// refuses, the configuration does. Upper bounds of memory are not tried.
func TestConfigAgreesWithEngine(t *testing.T) {
	for _, tc := range []struct {
		flags string
		set   engine.Options
		good  bool
	}{
		{"--loops=-1", engine.Options{Loops: -1}, false},
		{"--loops=1", engine.Options{Loops: 1}, true},
		{"--loops=256", engine.Options{Loops: 256}, true},
		{"--loops=257", engine.Options{Loops: 257}, false},
		{"--ring-bytes=32KiB --max-lag=4KiB", engine.Options{RingBytes: 32 << 10}, false},
		{"--ring-bytes=1MiB", engine.Options{RingBytes: 1 << 20}, true},
		{"--ring-bytes=3MiB", engine.Options{RingBytes: 3 << 20}, false},
		{"--tokens-max=-1", engine.Options{TokensMax: -1}, false},
		{"--tokens-max=1", engine.Options{TokensMax: 1}, true},
		{"--tokens-per-stream=-1", engine.Options{TokensPerStream: -1}, false},
		{"--tokens-per-stream=1", engine.Options{TokensPerStream: 1}, true},
		{"--max-lag=-1", engine.Options{MaxLagBytes: -1}, false},
		{"--max-lag=4KiB", engine.Options{MaxLagBytes: 4 << 10}, true},
	} {
		_, err := LoadConfig(strings.Fields(tc.flags), nil, io.Discard)
		if (err == nil) != tc.good {
			t.Errorf("%s: the configuration says %v", tc.flags, err)
		}
		if tc.set.RingBytes == 0 {
			tc.set.RingBytes = 1 << 20 // each four loops have a ring
		}
		e, err := engine.New(tc.set)
		if (err == nil) != tc.good {
			t.Errorf("%s: the engine says %v", tc.flags, err)
		}
		if err == nil {
			_ = e.Stop()
		}
	}
}

// A machine may have more processors than the engine may have loops.
func TestDefaultLoops(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 16: 16, loopsMax: loopsMax, loopsMax + 1: loopsMax} {
		if n := defaultLoops(processors); n != want {
			t.Errorf("%d loops for %d processors, want %d", n, processors, want)
		}
	}
}

// A loop that sleeps holds a P: there is one more than there are loops.
func TestSparePs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	was := processors()
	for _, loops := range []int{1, was, was + 3} {
		sparePs(loops)
		if n := runtime.GOMAXPROCS(0); n != max(was, loops+1) {
			t.Errorf("%d Ps for %d loops and %d processors", n, loops, was)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, tc := range []struct {
		args []string
		env  []string
		want string
	}{
		{[]string{"--listn", "x"}, nil, "unknown flag --listn; did you mean --listen?"},
		{[]string{"x"}, nil, "no flag"},
		{[]string{"--listen"}, nil, "needs an argument"},
		{[]string{"--listen", "8000"}, nil, "host:port"},
		{[]string{"--listen", "a:65536"}, nil, "0 to 65535"},
		{[]string{"--admin", "0.0.0.0:8001"}, nil, "set admin-token"},
		{[]string{"--admin", ":8001"}, nil, "set admin-token"},
		{[]string{"--admin-token", "hunter2"}, nil, "at least 16"},
		{[]string{"--max-lag", "1GiB"}, nil, "larger than ring-bytes"},
		{[]string{"--stale-after", "1"}, nil, "duration"},
		{[]string{"--tls-key", "key.pem"}, nil, "needs the certificate"},
		{[]string{"--cors-origins", "example.org"}, nil, "origin"},
		{[]string{"--allowed-origins", "example.org"}, nil, "origin"},
		{[]string{"--proxy-protocol"}, nil, "needs trusted-proxies"},
		{[]string{"--trusted-proxies", "proxy.example"}, nil, "network"},
		{[]string{"--trusted-proxies", "10.0.0.0/33"}, nil, "network"},
		{[]string{"--rate-login", "5"}, nil, "rate"},
		{[]string{"--rate-login", "0/s"}, nil, "rate"},
		{[]string{"--rate-login", "5/d"}, nil, "rate"},
		{[]string{"--config", "/nowhere.toml"}, nil, "can't be read: no such file"},
		{nil, []string{"AZIRA_LOOPS=many"}, "AZIRA_LOOPS: expected a whole number"},
		{nil, []string{"AZIRA_CONFIG=/nowhere.toml"}, "no such file"},
		{[]string{"--log-level", "loud"}, nil, "debug, info, warn or error"},
	} {
		_, err := LoadConfig(tc.args, tc.env, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q: got %v, want %q", tc.args, tc.env, err, tc.want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("secret shown: %v", err)
		}
	}
}

func TestConfigSyntax(t *testing.T) {
	for text, want := range map[string]string{
		"listen = \"x\nloops = 1":                ":1: ",
		"loops = 1\n\nloops = 2":                 ":3: ",
		"loops = 1\ntokens-max == 1":             ":2: ",
		"tokens-max=1\ntokens_max=2":             ":2: tokens_max: given already in line 1",
		"loops = 1\nlisten = 1.2.3.4:5":          `:2: expected newline but got U+002E '.': texts need quotes`,
		"loops = 1\nproxy-protocol = true":       ":2: proxy-protocol: needs trusted-proxies",
		"\n\njwt-issuer = \"https://x.example\"": ":3: jwt-issuer: is of use with",
	} {
		_, err := CheckFile(writeConfig(t, text), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// What is no fault, but seldom meant, is remarked on, when the file is checked too.
func TestRemarks(t *testing.T) {
	env := []string{"AZIRA_TOKEN_MAX=5"}
	args := []string{"--trusted-proxies", "10.0.0.0/8,0.0.0.0/0", "--feed", "", "--listen", "0.0.0.0:80",
		"--debug-echo"}
	c, err := LoadConfig(args, env, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	file := writeConfig(t, "trusted-proxies = [\"10.0.0.0/8\", \"0.0.0.0/0\"]\nfeed = []\n"+
		"listen = \"0.0.0.0:80\"\ndebug-echo = true")
	checked, err := CheckFile(file, env)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{c.Warnings, checked} {
		all := strings.Join(list, "\n")
		for _, want := range []string{"did you mean AZIRA_TOKENS_MAX?", "0.0.0.0/0 is everybody",
			"no tick will come", "without credential"} {
			if len(list) != 4 || strings.Count(all, want) != 1 {
				t.Errorf("%d, without %q:\n%s", len(list), want, all)
			}
		}
	}
	if list, err := CheckFile(writeConfig(t, "loops = 2"), nil); len(list) != 0 || err != nil {
		t.Errorf("%q, %v", list, err)
	}
	_, err = CheckFile(writeConfig(t, "loops = 2"), []string{"AZIRA_PROXY_PROTOCOL=true"})
	if err == nil || !strings.Contains(err.Error(), "environment: AZIRA_PROXY_PROTOCOL: needs") {
		t.Errorf("%v", err)
	}
}

func TestConfigWarnsOfMisspeltEnvironment(t *testing.T) {
	c, err := LoadConfig(nil, []string{"AZIRA_LISTN=x", "AZIRA_SOMETHINGELSE=1"}, io.Discard)
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "AZIRA_LISTEN?") {
		t.Errorf("got %q, %v", c.Warnings, err)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	var b strings.Builder
	if _, err := LoadConfig([]string{"--help"}, nil, &b); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for _, st := range settings {
		if !strings.Contains(b.String(), "--"+st.name+" ") || !strings.Contains(b.String(), st.help) {
			t.Errorf("help lacks %s", st.name)
		}
	}
}

func FuzzConfigFile(f *testing.F) {
	f.Add([]byte("listen = \"127.0.0.1:1\"\nfeed = [\"tcp://a:1\", # x\n]"))
	f.Add([]byte("a.b = {c = 1}\n[[x]]\ny = 1979-05-27"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, faults := parseFile(text)
		for _, e := range entries {
			if settingNamed(e.name) == nil || e.line < 1 {
				t.Errorf("bad entry %+v", e)
			}
		}
		for _, ft := range faults {
			if ft.Text == "" {
				t.Error("fault without a text")
			}
		}
	})
}
