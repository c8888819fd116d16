package server

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkAccepted posts messages from so many callers at once, over HTTP and with the
// disk, and says how long a 202 took.
func BenchmarkAccepted(b *testing.B) {
	for _, each := range []int{1, 16} { // of each processor
		callers := each * runtime.GOMAXPROCS(0)
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			c := Defaults()
			c.Listen, c.Admin, c.Data, c.Feed = "127.0.0.1:0", "", b.TempDir(), nil
			c.hashMemoryKiB = 64
			c.Logger = testLogger(io.Discard)
			parts := &server{config: c, log: c.Logger}
			addrs, err := parts.start()
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = parts.stop() })
			g, err := parts.auth.Register(b.Context(), "ann", goodPassword)
			if err != nil {
				b.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
			body := `{"username":"ann","content":"` + strings.Repeat("x", 200) + `"}`
			var mu sync.Mutex
			var took []time.Duration
			b.SetParallelism(each)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, _ := http.NewRequest("POST", "http://"+addrs.Public+"/api/v1/messages",
						strings.NewReader(body))
					req.Header.Set("Authorization", "Bearer "+g.AccessToken)
					began := time.Now()
					r, err := client.Do(req)
					if err != nil || r.StatusCode != 202 {
						b.Error(r, err)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					_ = r.Body.Close()
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
				}
			})
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
