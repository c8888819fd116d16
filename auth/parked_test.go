package auth

import (
	"fmt"
	"testing"
)

func TestParkedLongest(t *testing.T) {
	s := serve(t, cheap())
	const n = 20
	for i := range n {
		name := fmt.Sprint("ann", i)
		st, _, err := s.OpenStream(verify(t, s, register(t, s, name).AccessToken), StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			st.Parked(int64(100 + (i*7)%n)) // each odd number below n once
		}
	}
	for most, want := range map[int]int{0: 0, 3: 3, n: n / 2} {
		list := s.ParkedLongest(most)
		if len(list) != want {
			t.Errorf("of at most %d: %d", most, len(list))
		}
		for i, st := range list {
			if st.Since != int64(101+2*i) {
				t.Errorf("of at most %d, the %dth: since %d", most, i, st.Since)
			}
		}
	}
}
