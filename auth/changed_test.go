package auth

import (
	"context"
	"testing"
)

// Each change of an account's streams is told, when the new number can be asked for and
// no lock is held.
func TestChangedIsTold(t *testing.T) {
	var s *Service
	var told []int
	removed := ""
	o := cheap()
	o.StreamsPerAccount, o.ReplaceOldest = 2, true
	o.Changed = func(name string) { told = append(told, s.Connections(name)) }
	o.Removed = func(name string) { removed = name }
	s = serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	open := func() *Stream {
		st, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	a, b := open(), open()
	c := open() // in the place of a
	for _, st := range []*Stream{a, b, c, c} {
		st.Ended(1000)
	}
	want := []int{1, 2, 2, 1, 0}
	if len(told) != len(want) {
		t.Fatalf("told %v, want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Fatalf("told %v, want %v", told, want)
		}
	}
	if err := s.DeleteAccount(context.Background(), id, goodPassword); err != nil || removed != "ann" {
		t.Errorf("removed %q, %v", removed, err)
	}
}
