package store

import "errors"

var (
	ErrClosed       = errors.New("store: closed")
	ErrNotFound     = errors.New("store: no such record")
	ErrTooLarge     = errors.New("store: key or batch too large")
	ErrLocked       = errors.New("store: directory in use")
	ErrNotDirectory = errors.New("store: not a directory")
	ErrNotWritable  = errors.New("store: not writable")
	ErrNotCreated   = errors.New("store: directory can't be created")
	ErrDamaged      = errors.New("store: database damaged")
	ErrSchema       = errors.New("store: written by a newer version")
	ErrExists       = errors.New("store: target exists")
	ErrNoSpace      = errors.New("store: too little space")
	ErrForeign      = errors.New("store: not a checkpoint")
	ErrTorn         = errors.New("store: checkpoint incomplete")

	// ErrUnwritable: the disk is full or fails. The store opens the database
	// anew by itself when it can; a commit that got this may have been made.
	ErrUnwritable = errors.New("store: the database cannot be written now")

	// ErrStop, returned by the function given to Scan, ends the scan without
	// an error.
	ErrStop = errors.New("store: stop")
)
