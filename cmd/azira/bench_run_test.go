package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A scenario takes the flags that do something in it, and refuses the others.
func TestBenchRunFlags(t *testing.T) {
	some := map[string]string{ // flag to the scenarios that know it
		"--share": "slow", "--pairs": "slow", "--stall": "slow", "--slow-rate": "slow",
		"--bound": "saturate", "--churn": "hot churn fair", "--hybrid=x": "tls",
		"--seconds": "hot churn fair idle storm slow saturate tls",
		"--rate":    "hot churn fair storm slow saturate tls", "--per-send": "hot churn fair storm slow saturate",
	}
	for _, scenario := range strings.Fields("hot churn fair idle storm slow saturate tls") {
		for flag, where := range some {
			// Beyond any bound: nothing is started even where the flag is known.
			args := []string{scenario, flag, "-2"}
			err := runBenchRun(t.Context(), args, io.Discard, io.Discard)
			if !errors.Is(err, errUsage) {
				t.Errorf("%v: %v", args, err)
				continue
			}
			known := strings.Contains(" "+where+" ", " "+scenario+" ")
			if refused := strings.Contains(err.Error(), "not defined"); refused == known {
				t.Errorf("%v: %v", args, err)
			}
		}
	}
	for _, wrong := range []string{"xml", "text,bin,text"} {
		err := runBenchRun(t.Context(), []string{"hot", "--dialects", wrong}, io.Discard, io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "expected some of text, json") {
			t.Error(err)
		}
	}
	err := runBenchRun(t.Context(), []string{"idle", "--profile", "x"}, io.Discard, io.Discard)
	if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "no window to profile") {
		t.Error(err)
	}
}
