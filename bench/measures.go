package bench

// A measure takes one figure from a trial, or one of each of its parts; none where
// there is none.
type measure struct {
	name, unit string
	of         func(t *Trial) []float64

	zero   bool // shown even where it is 0 in all rounds
	unlike bool // of something else in peers than in Azira: a ratio means nothing
	timed  bool // by lateness, which is not the same in all dialects
}

func ofWindow(name, unit string, of func(w *Window) float64) measure {
	return measure{name: name, unit: unit, of: func(t *Trial) []float64 {
		if t.Window == nil {
			return nil
		}
		return []float64{of(t.Window)}
	}}
}

func ofIdle(name, unit string, of func(i *Idle) float64) measure {
	return measure{name: name, unit: unit, of: func(t *Trial) []float64 {
		if t.Idle == nil || of(t.Idle) == 0 {
			return nil
		}
		return []float64{of(t.Idle)}
	}}
}

func ofStall(name, unit string, of func(s *Stall) []float64) measure {
	return measure{name: name, unit: unit, of: func(t *Trial) []float64 {
		if t.Stall == nil {
			return nil
		}
		return of(t.Stall)
	}}
}

func ofResume(name string, of func(r *Resume) uint64) measure {
	return measure{name: name, zero: true, of: func(t *Trial) []float64 {
		if t.Back == nil || t.Back.Resume == nil {
			return nil
		}
		return []float64{float64(of(t.Back.Resume))}
	}}
}

func unlike(m measure) measure {
	m.unlike = true
	return m
}

func byLateness(m measure) measure {
	m.timed = true
	return m
}

// measures are all figures, in the order of the report.
var measures = []measure{
	ofWindow("CPU per delivered tick", "µs", func(w *Window) float64 { return w.CPU }),
	ofWindow("outside the kernel", "µs", func(w *Window) float64 { return w.User }),
	ofWindow("delivered", "/s", func(w *Window) float64 { return w.PerSecond }),
	ofWindow("delivered per core", "/s", func(w *Window) float64 { return w.PerCore }),
	ofWindow("server busy", "%", func(w *Window) float64 { return 100 * w.Busy }),
	byLateness(ofWindow("latency p50", "ms", func(w *Window) float64 { return w.Latency.P50 })),
	byLateness(ofWindow("latency p90", "ms", func(w *Window) float64 { return w.Latency.P90 })),
	byLateness(ofWindow("latency p99", "ms", func(w *Window) float64 { return w.Latency.P99 })),
	byLateness(ofWindow("latency p99.9", "ms", func(w *Window) float64 { return w.Latency.P999 })),
	byLateness(ofWindow("latency max", "ms", func(w *Window) float64 { return w.Latency.Max })),
	{name: "frames per write", of: func(t *Trial) []float64 {
		if t.Window == nil || t.Window.Server == nil {
			return nil
		}
		return []float64{t.Window.Server.PerWrite}
	}},
	ofWindow("wire bytes per tick", "B", func(w *Window) float64 { return w.Wire }),
	unlike(ofWindow("heartbeats proved", "", func(w *Window) float64 {
		return float64(w.Told.Proved)
	})),
	ofWindow("ticks skipped, as told", "", func(w *Window) float64 {
		return float64(w.Told.Skipped)
	}),
	byLateness(ofWindow("fairness (Jain)", "", func(w *Window) float64 { return w.Jain })),
	byLateness(ofWindow("worst client by the mean", "", func(w *Window) float64 {
		return w.Worst
	})),
	ofWindow("uncounted", "", func(w *Window) float64 { return w.Uncounted }),
	ofWindow("ticks counted", "", func(w *Window) float64 { return float64(w.Ticks) }),
	{name: "knee", unit: "/s", zero: true, of: func(t *Trial) []float64 {
		if len(t.Steps) == 0 {
			return nil
		}
		return []float64{t.Knee}
	}},
	{name: "p99 at 80 % of the knee", unit: "ms", of: func(t *Trial) []float64 {
		if t.Below == nil {
			return nil
		}
		return []float64{t.Below.Latency.P99}
	}},
	{name: "back, 99 %", unit: "s", of: func(t *Trial) []float64 {
		b := t.Back
		if b == nil && t.Window != nil {
			b = t.Window.Back
		}
		if b == nil || b.P99 == 0 {
			return nil
		}
		return []float64{b.P99}
	}},
	ofResume("ticks made good", func(r *Resume) uint64 { return r.Replayed }),
	ofResume("ticks missed", func(r *Resume) uint64 { return r.Missed }),
	ofResume("ticks doubled", func(r *Resume) uint64 { return r.Doubled }),
	ofResume("gaps told", func(r *Resume) uint64 { return r.Gaps }),
	ofStall("p99 with slow by without", "", func(s *Stall) []float64 {
		return s.quotients((*Pair).ratio)
	}),
	ofStall("p99 without, later by earlier", "", func(s *Stall) []float64 {
		return s.quotients((*Pair).drift)
	}),
	ofStall("slow for", "s", func(s *Stall) []float64 { return []float64{s.Seconds} }),
	ofStall("all served again within", "s", func(s *Stall) []float64 {
		return []float64{s.Again}
	}),
	unlike(ofStall("memory per slow client", "B", func(s *Stall) []float64 {
		return []float64{s.PerClient}
	})),
	unlike(ofStall("… growth with nobody slow", "B", func(s *Stall) []float64 {
		return []float64{ratio(s.Growth, float64(s.Clients))}
	})),
	ofStall("promised at most", "B", func(s *Stall) []float64 {
		if s.Allowed == 0 {
			return nil
		}
		return []float64{s.Allowed}
	}),
	ofIdle("user memory per connection", "B", func(i *Idle) float64 { return i.PerStream.User }),
	ofIdle("RSS per connection", "B", func(i *Idle) float64 { return i.PerStream.RSS }),
	ofIdle("kernel, both ends", "B", func(i *Idle) float64 { return i.PerStream.Kernel }),
	ofIdle("CPU per connection opened", "µs", func(i *Idle) float64 { return i.Opening }),
	ofIdle("CPU per connection and second", "µs", func(i *Idle) float64 { return i.CPU }),
	ofIdle("heartbeats per connection and second", "", func(i *Idle) float64 { return i.Beats }),
	ofIdle("CPU without connections, per second", "µs", func(i *Idle) float64 { return i.Alone }),
}
