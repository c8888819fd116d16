package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"azira/client"
)

const demoUser = "demo"

// An account is the demo's: the password is in a file only its owner can read.
type account struct {
	name, file string
}

// demoAccount logs in as the demo's user, whose password is made on the first run
// and kept in the data directory. Where the name belongs to somebody else, because
// the file was lost, another is made.
func demoAccount(ctx context.Context, c clientConfig, dir string) (*visit, account, error) {
	a := account{name: demoUser, file: filepath.Join(dir, "demo-password")}
	password, err := demoPassword(a.file)
	if err != nil {
		return nil, a, err
	}
	v, err := enter(ctx, c, a.name, password, true)
	if errors.Is(err, client.ErrCredentials) {
		a.name = demoUser + "-" + strings.ToLower(rand.Text()[:6])
		v, err = enter(ctx, c, a.name, password, true)
	}
	return v, a, err
}

// demoPassword reads the file, or makes it.
func demoPassword(file string) (string, error) {
	p, err := os.ReadFile(file)
	if password := strings.TrimSpace(string(p)); err == nil && password != "" {
		return password, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the demo's password: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the demo's password: %w", err)
	}
	return password, nil
}
