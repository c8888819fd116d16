package bench

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// sealedServer upgrades over TLS, and answers a subscribe with an answer and two ticks, the
// second of them cut by a record's end.
func sealedServer(t *testing.T, cert *certificate) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert.cert, cert.key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp4", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerSealed(conn)
		}
	}()
	return ln.Addr().String()
}

func answerSealed(conn net.Conn) {
	defer conn.Close()
	if _, err := ws.Upgrade(conn); err != nil {
		return
	}
	if _, err := wsutil.ReadClientText(conn); err != nil {
		return
	}
	p := textFrame([]byte("Subscribed to tokens: NSE:100000"))
	for n := range uint32(2) {
		p = append(p, textFrame(appendTick(nil, tick{0, n + 1, 5}, 20_000))...)
	}
	_, _ = conn.Write(p[:len(p)-7]) // a client that has gone shows at the next read
	time.Sleep(20 * time.Millisecond)
	_, _ = conn.Write(p[len(p)-7:])
	_, _ = wsutil.ReadClientText(conn)
}

// Clients talk TLS to a server whose certificate they trust, and to no other.
func TestSwarmSealed(t *testing.T) {
	cert, err := makeCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := makeCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	addr := sealedServer(t, cert)
	setup := swarmLoad{Load: load{Universe: 1, Tokens: 1}, Addr: addr, Dialect: dialectText,
		Source: 1, Epoch: monotonic(), Trust: other.pem, Hybrid: true}
	r := talk(t)(swarmCommand{Do: doOpen, Setup: &setup, Clients: 3})
	if !strings.Contains(r.Error, "certificate") {
		t.Errorf("a stranger's certificate: %q", r.Error)
	}
	ask := talk(t)
	setup.Trust = cert.pem
	const clients = openParallel + 6
	if r := ask(swarmCommand{Do: doOpen, Setup: &setup, Clients: clients}); r.Error != "" {
		t.Fatal(r.Error)
	}
	var tally *Tally
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		tally = ask(swarmCommand{Do: doEnd}).Tally
		if tally.Frames >= 2*clients {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if tally.Frames != 2*clients || tally.Faults != (Faults{}) {
		t.Errorf("%+v", tally)
	}
}
