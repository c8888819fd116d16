package bench

import (
	"bytes"
	"strconv"
	"time"
)

// Ticks made here have the fields of the original feed and two more, so that who
// receives one knows whether it is the next of its token, and how late it comes:
//
//	{"token":"NSE:100007","ltp":512.34,"bestbidprice":512.29,"bestaskprice":512.39,
//	 "n":100000042,"t":1012345678}     (without the blank; 108 bytes)
//
// n counts the ticks of the token from 1, added to countBase; t is the time it was
// to be sent at, in µs of the run, added to timeBase. All three have a fixed
// width, so that reading them costs a few ns.
const (
	tokenPrefix = "NSE:"
	tokenBase   = 100_000
	tokenDigits = 6
	countBase   = 100_000_000
	countDigits = 9
	timeBase    = 1_000_000_000
	timeDigits  = 10
)

var (
	tickHead  = []byte(`{"token":"` + tokenPrefix)
	tickCount = []byte(`,"n":`)
	tickTime  = []byte(`,"t":`)
)

const (
	tickTail  = len(`,"n":`) + countDigits + len(`,"t":`) + timeDigits + len(`}`)
	tickLeast = len(`{"token":"`) + len(tokenPrefix) + tokenDigits + len(`"`) + tickTail
)

// A tick is what a client checks of one.
type tick struct {
	token uint32
	n     uint32 // the how manieth of its token
	at    int64  // µs of the run
}

func tokenName(i int) []byte {
	return strconv.AppendInt([]byte(tokenPrefix), int64(tokenBase+i), 10)
}

// appendTick writes a tick; its price is in hundredths.
func appendTick(dst []byte, tk tick, price int64) []byte {
	dst = strconv.AppendInt(append(dst, tickHead...), tokenBase+int64(tk.token), 10)
	dst = appendPrice(append(dst, `","ltp":`...), price)
	dst = appendPrice(append(dst, `,"bestbidprice":`...), price-5)
	dst = appendPrice(append(dst, `,"bestaskprice":`...), price+5)
	dst = strconv.AppendInt(append(dst, tickCount...), countBase+int64(tk.n), 10)
	dst = strconv.AppendInt(append(dst, tickTime...), timeBase+tk.at, 10)
	return append(dst, '}')
}

func appendPrice(dst []byte, hundredths int64) []byte {
	dst = strconv.AppendInt(dst, hundredths/100, 10)
	return append(dst, '.', byte('0'+hundredths/10%10), byte('0'+hundredths%10))
}

// parseTick reads a tick; ok is false for anything that is none.
func parseTick(p []byte) (tk tick, ok bool) {
	if len(p) < tickLeast || !bytes.HasPrefix(p, tickHead) || p[len(p)-1] != '}' {
		return tk, false
	}
	tail := p[len(p)-tickTail:]
	count, at := tail[len(tickCount):], tail[len(tickCount)+countDigits+len(tickTime):]
	token, good := digits(p[len(tickHead) : len(tickHead)+tokenDigits])
	n, goodCount := digits(count[:countDigits])
	us, goodTime := digits(at[:timeDigits])
	if !good || !goodCount || !goodTime || !bytes.HasPrefix(tail, tickCount) ||
		!bytes.HasPrefix(count[countDigits:], tickTime) ||
		token < tokenBase || n < countBase || us < timeBase {
		return tk, false
	}
	return tick{uint32(token - tokenBase), uint32(n - countBase), us - timeBase}, true
}

func digits(p []byte) (v int64, ok bool) {
	for _, c := range p {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	return v, true
}

// A clock tells the time of a run, in µs since an instant that all its processes
// know: one of CLOCK_MONOTONIC, which they share.
type clock struct {
	began time.Time
	ahead time.Duration // of the run's first instant to began
}

// newClock is that of a run that began at a reading of the system's monotonic clock.
func newClock(epoch time.Duration) clock {
	return clock{began: time.Now(), ahead: monotonic() - epoch}
}

func (c clock) now() int64 { return (c.ahead + time.Since(c.began)).Microseconds() }
