package bench

import "errors"

// What can go wrong, each in words that say what to do or what was expected.
var (
	// ErrConfig marks settings that do not fit.
	ErrConfig = errors.New("bench: bad setting")

	errDescriptors = errors.New("bench: too few file descriptors")
	errStart       = errors.New("bench: the server did not start")
	errEnded       = errors.New("bench: the server ended by itself")
	errStuck       = errors.New("bench: the server did not stop in time")
	errMetrics     = errors.New("bench: metrics of an unexpected form")
	errNoMetric    = errors.New("bench: the server does not tell")
	errStatus      = errors.New("bench: unexpected status")
	errUpgrade     = errors.New("bench: stream refused")
	errFrame       = errors.New("bench: no WebSocket frame of a server")
	errClosed      = errors.New("bench: stream closed by the server")
	errTooLong     = errors.New("bench: the run took too long and was given up")
	errLinux       = errors.New("bench: clients are simulated on Linux only")
	errLate        = errors.New("bench: waited in vain")
	errNginx       = errors.New("bench: needs nginx in PATH (Debian: nginx)")
)
