package engine

// An Owner is who opened a stream: it is told what becomes of it, on the
// stream's loop, and must not block.
type Owner interface {
	Opened(handle uint64) // for Engine.Close
	Holds(tokens int)     // its tokens, after a change
	Parked(since int64)   // Unix s since when it takes no byte; 0 = it takes all again
	Ended(code int)       // once, with the close code: its place is free
}

// tell calls a connection's owner. A panic there costs that connection, at the
// next turn, and nothing of what the loop is doing.
func (l *loop) tell(c *conn, call func(Owner)) {
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
			c.doomed = true
			l.serve(c)
		}
	}()
	call(c.owner)
}

// tellParked says since when a parked connection takes no byte; again whenever
// it took some.
func (l *loop) tellParked(c *conn) {
	since := l.e.unix(c.parked.since)
	l.tell(c, func(o Owner) { o.Parked(since) })
}
