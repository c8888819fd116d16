package bench

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// storm has all members come back at once. In a typed dialect they are cut off, and ask
// for what they missed; in others they can't.
func (h *herd) storm() {
	h.dialMax = len(h.members)
	h.returned, h.refused = histogram{}, 0
	for at := range h.members {
		h.again(at, h.typed)
	}
}

// back is how those fared that were told to come back.
func (h *herd) back() *back {
	return &back{Clients: int(h.returned.n), Waiting: h.waiting, Refused: h.refused,
		Took: h.returned.buckets()}
}

// afterStorm is back, with what was wrong since the storm began.
func (h *herd) afterStorm() *back {
	b := h.back()
	b.Resumed, b.Faults, b.Told = h.typed, h.tally.Faults, h.tally.Told
	return b
}

// beginChurn has so many members per second come back, one after another.
func (h *herd) beginChurn(rate float64) {
	h.dialMax = len(h.members)
	h.returned, h.refused = histogram{}, 0
	h.churnRate, h.churned, h.churnFrom = rate, 0, time.Now()
}

func (h *herd) churn(now time.Time) {
	due := h.churnRate * now.Sub(h.churnFrom).Seconds()
	for ; h.churned+1 <= due && len(h.members) > 0; h.churned++ {
		h.again(h.churnNext%len(h.members), false)
		h.churnNext++
	}
}

// slow has a share of the members read no more than rate bytes/s each, perhaps
// none at all. They are spread over all.
func (h *herd) slow(share, rate float64) error {
	h.slowRate, h.slowTurn = rate, time.Now()
	for at := range h.members {
		m := &h.members[at]
		if int(float64(at+1)*share) == int(float64(at)*share) || m.state < memberOpen || m.fd < 0 {
			continue
		}
		m.slow = true
		// It is full soon, not when megabytes have come.
		if err := m.buffer(slowBufferBytes); err != nil {
			return err
		}
		// Its socket stays open, and what comes stays in the kernel.
		if err := h.watch(unix.EPOLL_CTL_DEL, at, m, 0); err != nil {
			return err
		}
	}
	return nil
}

// readSlowly gives the slow members what is theirs by now.
func (h *herd) readSlowly(now time.Time) {
	gone := now.Sub(h.slowTurn)
	if h.slowRate <= 0 || gone < slowStep {
		return
	}
	h.slowTurn = now
	most := max(int(h.slowRate*gone.Seconds()), 1)
	for at := range h.members {
		if m := &h.members[at]; m.slow && m.state >= memberOpen && m.fd >= 0 {
			h.read(at, m, most)
		}
	}
}

// healed has all members read as they can. Those that were slow stay marked: what
// they missed is not made good.
func (h *herd) healed() error {
	h.slowRate = 0
	for at := range h.members {
		if m := &h.members[at]; m.slow && m.fd >= 0 {
			m.again = 0
			if err := h.watch(unix.EPOLL_CTL_ADD, at, m, unix.EPOLLIN); err != nil {
				return err
			}
		}
	}
	return nil
}

// silent is how many of those that read again have not been sent anything since. What
// the kernel held is one read; a second one is new.
func (h *herd) silent() (n uint64) {
	for i := range h.members {
		if m := &h.members[i]; m.slow && m.fd >= 0 && m.again < readsAgain {
			n++
		}
	}
	return n
}

// buffer sets how much the kernel may hold for a member.
func (m *member) buffer(bytes int) error {
	if err := unix.SetsockoptInt(int(m.fd), unix.SOL_SOCKET, unix.SO_RCVBUF, bytes); err != nil {
		return fmt.Errorf("set option: %w", err)
	}
	return nil
}
