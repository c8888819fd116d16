package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"azira/auth"
)

// A keyring is what --jwt-key-file names: one key, or a directory of keys, of which the
// last by name signs and all verify. It is read again and again, so that keys come and go
// without a restart; what can't be read leaves the old ones in use.
type keyring struct {
	// Fixed.
	at   string
	auth *auth.Service
	log  *slog.Logger

	// Owned by watch.
	keys [][]byte
	told string // the last trouble
}

// readKeys reads the keys, the one that signs first; nil = none is configured.
func readKeys(at string) ([][]byte, error) {
	if at == "" {
		return nil, nil
	}
	info, err := os.Stat(at)
	if err != nil {
		return nil, fmt.Errorf("%w: %s can't be read: %s", errKeyFile, at, cause(err))
	}
	names := []string{at}
	if info.IsDir() {
		if names, err = keysIn(at); err != nil {
			return nil, err
		}
	}
	keys := make([][]byte, len(names))
	for i, name := range names {
		if keys[i], err = readKey(name); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// keysIn are the files of a directory, the last first, but for those that begin with a
// dot: editors, and mounts of secrets, keep things of their own there.
func keysIn(dir string) (names []string, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s can't be read: %s", errKeyFile, dir, cause(err))
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	if len(names) == 0 || len(names) > keysMax {
		return nil, fmt.Errorf("%w: %s holds %d files, expected 1 to %d",
			errKeyFile, dir, len(names), keysMax)
	}
	slices.Reverse(names)
	return names, nil
}

// readKey is the content of a file, without the newline an editor leaves at its end.
func readKey(name string) ([]byte, error) {
	key, err := readBounded(name, keyBytesMax)
	if err != nil {
		return nil, fmt.Errorf("%w: %s can't be read: %s", errKeyFile, name, cause(err))
	}
	key = bytes.TrimSuffix(key, []byte("\n"))
	if len(key) < keyBytesMin || len(key) > keyBytesMax {
		return nil, fmt.Errorf("%w: %s holds %d bytes, at least %d are needed and %d are the most",
			errKeyFile, name, len(key), keyBytesMin, keyBytesMax)
	}
	return key, nil
}

// watch looks for changes until ctx ends.
func (k *keyring) watch(ctx context.Context) { every(ctx, keyLook, k.look) }

// look takes what has changed over.
func (k *keyring) look() {
	keys, err := readKeys(k.at)
	if err == nil && slices.EqualFunc(keys, k.keys, bytes.Equal) {
		k.told = ""
		return
	}
	if err == nil {
		err = k.auth.SetKeys(keys)
	}
	if err != nil {
		if k.told != err.Error() {
			k.told = err.Error()
			k.log.Warn("the new signing keys are not used", "err", err)
		}
		return
	}
	k.keys, k.told = keys, ""
	n, kid := k.auth.Keys()
	k.log.Info("signing keys changed", "keys", n, "signs", kid)
}
