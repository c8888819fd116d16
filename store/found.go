package store

import (
	"fmt"
	"os"
)

// When Pebble opens a damaged database it drops what it cannot read and then
// deletes the files, so that what could have been saved by hand is gone, too.
// So Open keeps links to the files as it found them until it knows that
// nothing is missing; they cost no space and, if something is, stay.
const foundName = "as-found"

// keepFound links all files of the database into a directory beside it. A file
// system without links does without: this is a help, no promise.
func keepFound(fs fileSystem, dir string) error {
	from, to := fs.PathJoin(dir, dbName), fs.PathJoin(dir, foundName)
	if err := fs.RemoveAll(to); err != nil && !os.IsNotExist(err) {
		return err // of an Open that was killed
	}
	names, err := fs.List(from)
	if err != nil {
		return err
	}
	if err := fs.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, n := range names {
		if n == "LOCK" {
			continue
		}
		if err := fs.Link(fs.PathJoin(from, n), fs.PathJoin(to, n)); err != nil {
			return err
		}
	}
	return nil
}

// settleFound drops the links, or, when commits are missing, gives them a name
// that later opens leave alone, and returns it.
func settleFound(fs fileSystem, dir string, r OpenReport) (string, error) {
	at := fs.PathJoin(dir, foundName)
	if _, err := fs.Stat(at); err != nil {
		return "", nil
	}
	if r.Missing == 0 {
		return "", fs.RemoveAll(at)
	}
	to := fs.PathJoin(dir, fmt.Sprintf("lost-%d-%d", r.Commits, r.Acknowledged))
	if err := fs.RemoveAll(to); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	return to, fs.Rename(at, to)
}
