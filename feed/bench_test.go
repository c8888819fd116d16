package feed

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks measure b.N ticks of 108 bytes from a socket into a sink that does
// nothing. cpu-ns/tick is all of this process: where the publisher is part of
// it, both sides.

const (
	benchTopic = "NSE:26009"
	benchData  = `{"token":"NSE:26009","ltp":43520.35,"bestbidprice":43520.30,` +
		`"bestaskprice":43520.40,"volume":12}`
)

// A finishLine is a Sink that only waits for its n-th tick.
type finishLine struct {
	n, seen int
	first   chan struct{} // closed with the first burst
	done    chan struct{}
}

func newFinishLine(n int) *finishLine {
	return &finishLine{n: n, first: make(chan struct{}), done: make(chan struct{})}
}

func (f *finishLine) Flush() {}

func (f *finishLine) Tick(_, _ []byte, _ int64) {
	switch f.seen++; f.seen {
	case 1:
		close(f.first)
	case f.n + 1:
		close(f.done)
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure times from the first tick, which must not come before it is called, to the last.
func measure(b *testing.B, f *finishLine, begin func()) {
	b.Helper()
	b.SetBytes(int64(len(benchTopic) + len(" & ") + len(benchData)))
	b.ReportAllocs()
	begin()
	<-f.first
	b.ResetTimer()
	cpu := cpuTime(b)
	<-f.done
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(float64(cpuTime(b)-cpu)/n, "cpu-ns/tick")
	b.ReportMetric(n/b.Elapsed().Seconds(), "ticks/s")
}

func startBench(b *testing.B, endpoint string, sink Sink) {
	b.Helper()
	s := NewSubscriber(endpoint, sink, SubscriberOptions{})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(b.Context()) }()
	b.Cleanup(func() { <-ended })
}

// BenchmarkIntakePrepared reads bytes that cost their sender nothing but write(2).
func BenchmarkIntakePrepared(b *testing.B) {
	p := newRawPub(b, "127.0.0.1:0")
	f := newFinishLine(b.N)
	startBench(b, p.endpoint(), f)
	conn, _ := p.serve(1)
	chunk := bytes.Repeat(one(benchTopic+" & "+benchData), 1000)
	measure(b, f, func() {
		go func() {
			for {
				if _, err := conn.Write(chunk); err != nil {
					return
				}
			}
		}()
	})
}

// queued is how many bytes wait for the peers.
func (p *Publisher) queued() (n int) {
	for _, pe := range *p.peers.Load() {
		pe.mu.Lock()
		n += len(pe.queue)
		pe.mu.Unlock()
	}
	return n
}

// BenchmarkIntakePublisher reads what our own Publisher sends, in bursts of 500.
func BenchmarkIntakePublisher(b *testing.B) {
	p, err := ListenPublisher("tcp://127.0.0.1:0", PublisherOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	f := newFinishLine(b.N)
	startBench(b, p.Endpoint(), f)
	subscribed(b, p, 1)
	topic, data := []byte(benchTopic), []byte(benchData)
	ended := make(chan struct{})
	b.Cleanup(func() { <-ended })
	measure(b, f, func() {
		go func() {
			defer close(ended)
			for b.Context().Err() == nil {
				for range 500 {
					p.Publish(topic, data)
				}
				p.Flush()
				for p.queued() > 4<<20 { // open loop is for feeds; here nothing shall be dropped
					time.Sleep(20 * time.Microsecond)
				}
			}
		}()
	})
}

const zmqPublisher = `
#include <zmq.h>
#include <string.h>
int main(int argc, char **argv) {
	void *ctx = zmq_ctx_new(), *pub = zmq_socket(ctx, ZMQ_PUB);
	int hwm = 100000, wait = 1;
	zmq_setsockopt(pub, ZMQ_SNDHWM, &hwm, sizeof hwm);
	zmq_setsockopt(pub, ZMQ_XPUB_NODROP, &wait, sizeof wait);
	if (zmq_bind(pub, argv[1])) return 1;
	for (;;) zmq_send(pub, argv[2], strlen(argv[2]), 0);
}
`

// BenchmarkIntakeLibzmq reads what a libzmq publisher in C sends, as fast as that can.
func BenchmarkIntakeLibzmq(b *testing.B) {
	dir := b.TempDir()
	source, program := filepath.Join(dir, "pub.c"), filepath.Join(dir, "pub")
	if err := os.WriteFile(source, []byte(zmqPublisher), 0o600); err != nil {
		b.Fatal(err)
	}
	gcc := exec.Command("gcc", "-O2", "-o", program, source, "-lzmq")
	if out, err := gcc.CombinedOutput(); err != nil {
		b.Skipf("SKIPPED: no gcc with libzmq (Debian: apt install gcc libzmq3-dev): %.200s", out)
	}
	free := newRawPub(b, "127.0.0.1:0")
	endpoint := free.endpoint()
	free.ln.Close()
	cmd := exec.Command(program, endpoint, benchTopic+" & "+benchData)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		// Both fail only when it has ended already.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	f := newFinishLine(b.N)
	measure(b, f, func() { startBench(b, endpoint, f) })
}

func BenchmarkSimulator(b *testing.B) {
	s, err := newSimulator(strings.Split("A,B,C,D", ","), rateMax, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.next(1 << 62)
	}
}
