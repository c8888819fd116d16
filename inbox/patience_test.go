package inbox

import "testing"

// In turns, a stream that takes nothing keeps the one message that it was given, and the
// others get the rest; when it ends, they get that one too.
func TestTurnsPassOver(t *testing.T) {
	s := open(t, Options{})
	if err := s.SetTurns(bg, "w", true); err != nil {
		t.Fatal(err)
	}
	stuck, works := sit(t, s, "w"), sit(t, s, "w")
	stuck.shutUp(true)
	for range 9 {
		s.mustSend(t, "w", "x")
	}
	eventually(t, "all but one are given", func() bool { return len(ids(works)) == 8 })
	stuck.end()
	eventually(t, "and that one", func() bool { return len(ids(works)) == 9 })
	if list := works.all(); !list[8].Redelivered {
		t.Errorf("%+v", list[8])
	}
}
