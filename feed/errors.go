package feed

import "errors"

var (
	ErrEndpoint  = errors.New("feed: endpoint is not tcp://HOST:PORT or ipc://PATH")
	ErrFrames    = errors.New("feed: message of more than two frames")
	ErrTruncated = errors.New("feed: recording is cut short")
	ErrRecording = errors.New("feed: not a recording")
	ErrConfig    = errors.New("feed: bad setting")
	ErrReplayAdd = errors.New("feed: a replay publishes only what was recorded")
	ErrTooMany   = errors.New("feed: too many tokens")

	errFrameShort  = errors.New("feed: frame is not complete yet")
	errFrameBig    = errors.New("feed: frame over the limit")
	errFrameFlags  = errors.New("feed: frame with unknown flags")
	errFrameLength = errors.New("feed: frame with an absurd length")
	errHandshake   = errors.New("feed: peer's handshake is not ZMTP 3")
	errGreedy      = errors.New("feed: too many subscriptions")
	errStopping    = errors.New("feed: stopping")
	errRequest     = errors.New("feed: bad request")
)
