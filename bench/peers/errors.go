package main

import "errors"

var (
	errUsage       = errors.New("peers: usage: peers list | peers NAME [flags]")
	errUnknown     = errors.New("peers: no such peer")
	errMissing     = errors.New("peers: can't run here")
	errListen      = errors.New("peers: --listen must be IP:PORT")
	errPerSend     = errors.New("peers: --per-send out of bounds")
	errClients     = errors.New("peers: --clients out of bounds")
	errNoTLS       = errors.New("peers: has no TLS")
	errNotReady    = errors.New("peers: not ready in time")
	errNotUpgraded = errors.New("peers: no upgrade")
	errHead        = errors.New("peers: no WebSocket handshake")
	errGone        = errors.New("peers: the client left")
	errFeedTCP     = errors.New("peers: ws reads tcp:// only")

	// Why a peer is missing.
	errLinux   = errors.New("needs Linux: epoll and raw send")
	errNode    = errors.New("needs node (18.14 or later) in PATH")
	errModules = errors.New("needs the package: run `npm ci --prefix bench/peers/ws`")
	errNginx   = errors.New("needs nginx in PATH (Debian: nginx libnginx-mod-nchan)")
	errNchan   = errors.New("needs nginx's module nchan (Debian: libnginx-mod-nchan)")
)
