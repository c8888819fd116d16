package engine

import (
	"bytes"
	"os"
	"sync"
	"testing"

	"azira/proto"
)

// TestNull holds that an engine with a null socket gives it all that streams are
// due, and does nothing to descriptors of those numbers.
func TestNull(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var mu sync.Mutex
	got := map[int][]byte{}
	e := newEngine(t, Options{Loops: 1, BatchWindow: -1, Null: func(fd int, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		got[fd] = append(got[fd], p...)
	}})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	e.caughtUp(t)
	o := newOwner()
	fd := int(file.Fd())
	subscribe := append([]byte{0x81, 0x80 | 11, 0, 0, 0, 0}, "subscribe|A"...)
	if err := e.Attach(fd, Stream{Owner: o, Early: subscribe}); err != nil {
		t.Fatal(err)
	}
	handle := <-o.handle
	eventually(t, "the list is settled", func() bool { return o.tokens.Load() == 1 })
	for n := 1; n <= 3; n++ {
		publish(pub, "A", n)
		pub.Flush()
	}
	e.caughtUp(t)
	e.Close(handle, proto.CloseNormal, "")
	if code := <-o.ended; code != proto.CloseNormal {
		t.Errorf("ended with %d", code)
	}
	want := proto.AppendFrame(nil, proto.OpText, []byte("Subscribed to tokens: A"))
	for n := 1; n <= 3; n++ {
		want = proto.AppendFrame(want, proto.OpText, []byte(tick("A", n)))
	}
	want = proto.AppendClose(want, proto.CloseNormal, "")
	eventually(t, "nobody is left", func() bool { return e.Streams() == 0 })
	mu.Lock()
	defer mu.Unlock()
	if !bytes.Equal(got[fd], want) {
		t.Errorf("got  %q\nwant %q", got[fd], want)
	}
	if _, err := file.WriteString("open"); err != nil {
		t.Error(err)
	}
}
