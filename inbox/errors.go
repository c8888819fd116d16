package inbox

import "errors"

var (
	// ErrKeyReused: the idempotency key was used for another message.
	ErrKeyReused = errors.New("inbox: idempotency key used for another message")
	// ErrBusy: more is to be written than the disk takes.
	ErrBusy = errors.New("inbox: too many messages wait for the disk")
	// ErrNoMessage: the inbox has no message of that id.
	ErrNoMessage = errors.New("inbox: no such message")
	// ErrRecord: the store gave back what this package has not written.
	ErrRecord = errors.New("inbox: stored record has a wrong form")
	// ErrClosed: the Service has ended.
	ErrClosed = errors.New("inbox: closed")
	// ErrDraft: the message is larger than messages may be.
	ErrDraft = errors.New("inbox: message not acceptable")
)
