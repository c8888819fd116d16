package server

import "testing"

// Half a surrogate pair is told from a whole one, and from what only looks like it.
func TestLoneSurrogate(t *testing.T) {
	for raw, want := range map[string]bool{
		`""`: false, `"\ud800"`: true, `"\uDFFF"`: true, `"\ud83d\ude00"`: false,
		`"\uD83D\uDE00\ud83d"`: true, `"\ude00\ud83d"`: true, `"\ud83d\n"`: true,
		`"\ud83d\ud83d\ude00"`: true, `"\\ud800"`: false, `"\\\ud800"`: true, `"\\\\ud800"`: false,
		`"\ufffd \ud83d\ude00"`: false, "\"\ufffd\"": false, `"\ud83dude00"`: true, `"\u0000\ud7ff\ue000"`: false,
	} {
		if got := unpaired([]byte(raw)); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}
