package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate makes a pair of files.
func writeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, p []byte) string {
		name = filepath.Join(dir, name)
		p = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: p})
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return write("cert", "CERTIFICATE", der), write("key", "PRIVATE KEY", secret)
}

// TestTLS: the peers that have it serve the same over TLS.
func TestTLS(t *testing.T) {
	cert, key := writeCertificate(t)
	for _, name := range []string{gorillaName, leanName} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := find(name)
			if err != nil {
				t.Fatal(err)
			}
			pub := startFeed(t)
			addr := start(t, p, "--feed", pub.Endpoint(), "--tls-cert", cert, "--tls-key", key)
			waitSubscribed(t, pub)
			conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			c := upgradeRaw(t, conn, "/any")
			c.subscribe("A")
			for i := range 20 {
				pub.Publish([]byte("A"), []byte(json("A", i)))
			}
			pub.Flush()
			checkTicks(t, c, p.dialect, 20, "A")
		})
	}
}
