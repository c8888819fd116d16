package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A unit keeps its secrets in the environment and has the file checked before it starts:
// what the two make together counts.
func TestCheckFileInItsEnvironment(t *testing.T) {
	file := writeConfig(t, `admin = "0.0.0.0:8001"`)
	if _, err := CheckFile(file, nil); err == nil || !strings.Contains(err.Error(), "admin-token") {
		t.Errorf("without a token: %v", err)
	}
	if _, err := CheckFile(file, []string{"AZIRA_ADMIN_TOKEN=0123456789abcdef"}); err != nil {
		t.Errorf("with one: %v", err)
	}
	_, err := CheckFile(file, []string{"AZIRA_ADMIN_TOKEN=secret words"})
	if err == nil || strings.Contains(err.Error(), "secret words") ||
		!strings.Contains(err.Error(), "AZIRA_ADMIN_TOKEN") {
		t.Errorf("with a bad one: %v", err)
	}
}

// Files that would keep a server from starting are faults of the settings.
func TestCheckFileReadsWhatItNames(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := writeCertificate(t, dir, 1)
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	_, foreign, _ := writeCertificate(t, other, 2)
	issuer := "\njwt-issuer = \"https://login.example\"\njwt-audience = \"azira\"\njwt-jwks = %q"
	for text, want := range map[string]string{
		fmt.Sprintf("tls-cert = %q\ntls-key = %q", cert, key):     "",
		fmt.Sprintf("tls-cert = %q\ntls-key = %q", cert, foreign): "tls-cert: not usable",
		fmt.Sprintf("tls-cert = %q", cert):                        "tls-cert: not usable",
		`tls-cert = "/nowhere.pem"`:                               "tls-cert: not usable",
		fmt.Sprintf(issuer, "/nowhere.json"):                      "jwt-jwks: not usable",
		fmt.Sprintf(issuer, cert):                                 "jwt-jwks: not usable",
		fmt.Sprintf(issuer, "https://login.example/jwks"):         "",
	} {
		_, err := CheckFile(writeConfig(t, text), nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
