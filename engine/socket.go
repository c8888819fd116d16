package engine

import "golang.org/x/sys/unix"

// write hands bytes to a socket: n of them were taken, fewer than all if it is
// full now. An error says that it is broken.
func write(fd int32, p []byte) (n int, err error) {
	for {
		n, err = send(int(fd), p)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

// setLowWater keeps what the kernel holds unsent for a socket small, so that a
// stuck reader costs kilobytes and is noticed early.
func setLowWater(fd, bytes int) {
	// A saving, not a need: an error changes nothing else.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
}
