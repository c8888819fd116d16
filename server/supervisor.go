package server

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A supervisor is what started this process and wants to know how it does: systemd, for
// units of Type=notify. The zero value has none and does nothing.
//
//	READY=1      connections are taken
//	WATCHDOG=1   every loop took its turn, twice in each WatchdogSec; who sends none is
//	             started again
//	STOPPING=1   draining, for as long as EXTEND_TIMEOUT_USEC says
type supervisor struct {
	socket   string        // of datagrams; @ is an abstract one
	watchdog time.Duration // 0 = none
}

// supervisorOf finds it in the environment, as sd_notify(3) and sd_watchdog_enabled(3)
// say.
func supervisorOf(environ []string) (s supervisor) {
	var usec, pid string
	for _, kv := range environ {
		switch key, value, _ := strings.Cut(kv, "="); key {
		case "NOTIFY_SOCKET":
			s.socket = value
		case "WATCHDOG_USEC":
			usec = value
		case "WATCHDOG_PID":
			pid = value
		}
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	mine := pid == "" || pid == strconv.Itoa(os.Getpid())
	if err == nil && n > 0 && n < watchdogMax && mine {
		s.watchdog = time.Duration(n) * time.Microsecond
	}
	return s
}

// tell sends lines. Whether somebody hears them is not this process's concern.
func (s supervisor) tell(lines ...string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte(strings.Join(lines, "\n")))
	_ = c.Close()
}

// stopping tells that the process ends within d.
func (s supervisor) stopping(d time.Duration) {
	s.tell("STOPPING=1", "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(d.Microseconds(), 10))
}

// watch sends a sign of life while responsive has no error, until ctx ends.
func (s supervisor) watch(ctx context.Context, responsive func(time.Duration) error) {
	if s.socket == "" || s.watchdog == 0 {
		return
	}
	every(ctx, s.watchdog/2, func() {
		if responsive(min(responsiveWithin, s.watchdog/4)) == nil {
			s.tell("WATCHDOG=1")
		}
	})
}
