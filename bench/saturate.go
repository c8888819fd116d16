package bench

import "context"

// A probe counts a window at a rate and says whether the servers kept up.
type probe func(rate float64) (w *Window, good bool, err error)

// A sayer tells of progress.
type sayer func(format string, args ...any)

// saturate raises the rate until a window is bad, looks between the last good and
// the first bad one, and then counts once more below the knee.
func (t *trial) saturate(ctx context.Context, r *Trial) error {
	return r.saturate(t.c.Rate, t.c.say, func(rate float64) (*Window, bool, error) {
		w, err := t.window(ctx, rate)
		if err != nil {
			return nil, false, err
		}
		t.c.say("%s at %s/s: %s/s delivered, p99 %s ms", t.target.name, whole(rate),
			whole(w.PerSecond), decimals(w.Latency.P99, 1))
		return w, w.good(rate, t.c.BoundMs), nil
	})
}

// good says that servers kept up with a rate: in time, and with every tick.
func (w *Window) good(rate, boundMs float64) bool {
	return w.Latency.P99 <= boundMs && w.PerSecond >= rate*deliveredMin && w.Dropped == 0 &&
		w.missing() == 0 && w.Undelivered == 0 && w.Faults.wrong() == 0
}

// saturate is the whole of it for any probe.
func (r *Trial) saturate(from float64, say sayer, p probe) error {
	if err := r.sweep(from, say, p); err != nil || r.Knee == 0 {
		return err
	}
	below := r.Knee * belowKnee
	w, _, err := p(below)
	if err == nil && w.disturbed() {
		say("disturbed at %s/s: once more", whole(below))
		var again *Window
		if again, _, err = p(below); err == nil && again.disturbance() < w.disturbance() {
			w = again
		}
	}
	if err != nil {
		return err
	}
	w.Name, r.Below = "below the knee", w
	return nil
}

// sweep finds the knee.
func (r *Trial) sweep(from float64, say sayer, p probe) error {
	rate, bad := from, 0.0
	for range stepsMax {
		good, err := r.step(rate, say, p)
		if err != nil {
			return err
		}
		if good {
			r.Knee = max(r.Knee, rate)
		} else if bad == 0 || rate < bad {
			bad = rate
			r.Bad = bad
		}
		switch {
		case bad == 0:
			rate *= stepUp
		case r.Knee == 0:
			rate /= stepUp
		case bad/r.Knee < stepNear:
			r.Window = last(r.Steps, r.Knee)
			return nil
		default:
			rate = (r.Knee + bad) / 2
		}
	}
	r.Window = last(r.Steps, r.Knee)
	return nil
}

// doubts of a sweep that used up its rates.
func (r *Trial) sweepDoubts(say sayer) {
	switch {
	case len(r.Steps) == 0:
	case r.Bad == 0:
		say("the sweep ended with no bad rate: the knee is above %s/s", whole(r.Knee))
	case r.Knee == 0:
		say("the sweep ended with no good rate: the knee is below %s/s", whole(r.Bad))
	case r.Bad/r.Knee >= stepNear:
		say("the sweep ended before it closed in: the knee is between %s/s and %s/s",
			whole(r.Knee), whole(r.Bad))
	}
}

// step says whether the servers keep up with a rate. One good window shows it. A bad
// one is tried again once, for it may have been the machine, and once more if it is
// known to have been.
func (r *Trial) step(rate float64, say sayer, p probe) (good bool, err error) {
	for bad, excused := 0, false; bad < stepTries; {
		w, good, err := p(rate)
		if err != nil {
			return false, err
		}
		r.Steps = append(r.Steps, *w)
		switch {
		case good:
			return true, nil
		case w.disturbed() && !excused:
			say("disturbed at %s/s: once more", whole(rate))
			excused = true
		default:
			bad++
		}
	}
	return false, nil
}

// last is the latest step of that rate, or the first of all if none was good.
func last(steps []Window, rate float64) *Window {
	at := &steps[0]
	for i := range steps {
		if steps[i].Offered == rate {
			at = &steps[i]
		}
	}
	return at
}
