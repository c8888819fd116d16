package bench

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// benchJSON runs a scenario as a user does and reads its report.
func benchJSON(t *testing.T, program string, report any, args ...string) {
	t.Helper()
	cmd := exec.Command(program, append([]string{"bench"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), report); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
}

// TestVirtual holds that virtual clients get just what real ones do, that nothing
// is allocated for it, and that bystanders get nothing.
func TestVirtual(t *testing.T) {
	t.Parallel()
	var r VirtualReport
	benchJSON(t, build(t), &r, "virtual", "--clients", "200", "--bystanders", "300", "--tokens", "5",
		"--of", "50", "--seconds", "1", "--check", "--json")
	if k := r.Check; k == nil || !k.Alike || k.Virtual.Frames < 20_000 || k.Real.Bytes == 0 {
		t.Errorf("check: %+v", k)
	}
	if len(r.Rows) != 3 {
		t.Fatalf("%d rows", len(r.Rows))
	}
	for i := range r.Rows {
		x := &r.Rows[i]
		if x.Ticks == 0 || x.Skipped != 0 || x.PerTick.Median <= 0 || x.Turn.Median <= 0 || x.Allocs > 0.05 {
			t.Errorf("%+v", x)
		}
		if x.Same == 1 {
			continue // a tick is for all or for nobody
		}
		if out := x.Frames / x.Ticks; out < 15 || out > 25 { // 200 clients hold 5 of 50 tokens
			t.Errorf("%+v: %.1f clients per tick, expected about 20", x, out)
		}
	}
	var text bytes.Buffer
	if err := Write(&text, &r, false); err != nil || !strings.Contains(text.String(), "alike: each client") {
		t.Errorf("table: %v\n%s", err, &text)
	}
}

// TestVirtualCheck holds what makes two fleets unlike.
func TestVirtualCheck(t *testing.T) {
	side := VirtualSide{Frames: 10, Digest: 7}
	for name, change := range map[string]func(*VirtualCheck){
		"frames":  func(k *VirtualCheck) { k.Real.Frames++ },
		"digest":  func(k *VirtualCheck) { k.Virtual.Digest++ },
		"doubled": func(k *VirtualCheck) { k.Real.Faults.Doubled = 1 },
		"missing": func(k *VirtualCheck) { k.Virtual.Faults.Missing = 1 },
		"left":    func(k *VirtualCheck) { k.Real.Left = 1 },
	} {
		k := VirtualCheck{Virtual: side, Real: side}
		if k.compare(); !k.Alike {
			t.Fatal("equal sides are unlike")
		}
		change(&k)
		if k.compare(); k.Alike {
			t.Errorf("%s: alike", name)
		}
	}
}

// TestIntake holds that a server takes ticks from each publisher there is, and
// that one which can't be built is named with the reason.
func TestIntake(t *testing.T) {
	t.Parallel()
	var r IntakeReport
	benchJSON(t, build(t), &r, "intake", "--rounds", "1", "--seconds", "1", "--tokens", "10", "--json")
	if len(r.Rows) != 2 {
		t.Fatalf("%d rows", len(r.Rows))
	}
	for _, row := range r.Rows {
		if row.Missing != "" {
			if !strings.Contains(row.Missing, "libzmq") {
				t.Errorf("%+v", row)
			}
			t.Log(row.Missing)
			continue
		}
		if row.PerSecond.Median < 1000 || row.CPU.Median <= 0 || row.Busy.Median <= 0 {
			t.Errorf("%+v", row)
		}
	}
}
