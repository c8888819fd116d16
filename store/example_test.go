package store_test

import (
	"fmt"
	"os"

	"azira/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	var b store.Batch
	b.Set(store.TableTicks, []byte("NSE:1"), []byte(`{"ltp":1}`))
	b.Set(store.TableTicks, []byte("NSE:2"), []byte(`{"ltp":2}`))
	if err := s.Commit(&b); err != nil {
		panic(err)
	}
	err = s.Scan(store.TableTicks, []byte("NSE:"), func(key, value []byte) error {
		fmt.Printf("%s %s\n", key, value)
		return nil
	})
	fmt.Println(err)
	// Output:
	// NSE:1 {"ltp":1}
	// NSE:2 {"ltp":2}
	// <nil>
}
