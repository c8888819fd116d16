package bench

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed zmq/pub.c
var zmqSource []byte

// buildZMQPublisher compiles the publisher on libzmq. Where that can't be, the
// report says why.
func buildZMQPublisher(ctx context.Context, dir string) (program string, err error) {
	source, program := filepath.Join(dir, "zmqpub.c"), filepath.Join(dir, "zmqpub")
	if err := os.WriteFile(source, zmqSource, 0o600); err != nil {
		return "", fmt.Errorf("write source: %w", err)
	}
	cc := exec.CommandContext(ctx, "cc", "-O2", "-o", program, source, "-lzmq")
	out, err := cc.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("needs a C compiler and libzmq (Debian: gcc libc6-dev libzmq3-dev): "+
			"%w: %.200s", err, out)
	}
	return program, nil
}

// freeEndpoint is one that nobody has at the moment.
func freeEndpoint() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	defer ln.Close()
	return "tcp://" + ln.Addr().String(), nil
}
