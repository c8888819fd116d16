package feed_test

import (
	"context"
	"fmt"

	"azira/feed"
)

// printer prints the first tick and ends the example.
type printer struct{ stop context.CancelFunc }

func (p printer) Tick(topic, data []byte, ts int64) {
	fmt.Printf("%s %s\n", topic, data)
	p.stop()
}

func (p printer) Flush() {}

// A simulated feed and a subscriber to it, in one process.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- feed.RunFeed(ctx, feed.FeedConfig{
			Pub: "tcp://127.0.0.1:0", Control: "tcp://127.0.0.1:0", Tokens: []string{"NSE:1"},
			Ready: func(pub, control string) { ready <- pub },
		})
	}()
	sub := feed.NewSubscriber(<-ready, printer{stop}, feed.SubscriberOptions{})
	fmt.Println(sub.Run(ctx), <-ended)
}
