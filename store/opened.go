package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// An opened is one opening of the database, from open until its disk fails or
// the Store is closed. After a failure nothing of it is believed any more: what
// it holds in memory may be on no disk.
type opened struct {
	// Fixed.
	db    *db
	fence *fence
	ack   *ackFile
	log   *logger

	failed chan struct{} // closed by fail
	loose  atomic.Bool   // there are commits that were not synced

	commits sync.Mutex // commit numbers follow the order of the log
	seq     uint64     // last number given; guarded by commits

	calls sync.WaitGroup // under way, as their callers see it

	once sync.Once
	why  error // set before failed is closed
}

// newOpened is for the database in dir, which is not open yet.
func newOpened(fs fileSystem, dir string, ack *ackFile, l *logger) *opened {
	o := &opened{ack: ack, failed: make(chan struct{})}
	o.fence = newFence(fs, dir, o.fail)
	o.log = &logger{log: l.log, dir: l.dir, on: o}
	return o
}

// fail ends o: whoever waits in it is turned away. Any goroutine may call it.
func (o *opened) fail(err error) {
	o.once.Do(func() {
		o.why = err
		close(o.failed)
	})
}

func (o *opened) dead() bool {
	select {
	case <-o.failed:
		return true
	default:
		return false
	}
}

// try runs do on a goroutine of its own and returns its error, or ErrUnwritable
// as soon as o fails: do may then never end. A panic fails o.
func (o *opened) try(do func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				o.fail(fmt.Errorf("%v", r))
			}
		}()
		done <- do()
	}()
	select {
	case err := <-done:
		return err
	case <-o.failed:
		return ErrUnwritable
	}
}

// close ends a healthy o. If the disk fails under that, it says so.
func (o *opened) close() error {
	o.calls.Wait()
	err := o.try(o.db.close)
	if o.dead() {
		err = o.why
	}
	o.fence.raise()
	o.fence.closeFiles()
	return err
}

// abandon ends a failed o: from its return on the files are free for another.
func (o *opened) abandon() {
	o.fence.raise()
	left := make(chan struct{})
	go func() {
		o.calls.Wait()
		close(left)
	}()
	select {
	case <-left:
	case <-time.After(abandonWait):
	}
	o.fence.closeFiles()
}
