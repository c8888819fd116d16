package bench

// coreTimes are seconds that processors spent otherwise than idle.
type coreTimes struct {
	busy   float64 // on programs and the kernel's own work
	stolen float64 // on other machines, by the hypervisor
}

// A usage is what a server's processes have used since their start.
type usage struct {
	Total  float64 // seconds of processor time
	User   float64 // of these, outside the kernel; to a hundredth
	System float64 // in the kernel; to a hundredth
	RSS    float64 // bytes, at the moment
}

func (u usage) since(before usage) usage {
	return usage{u.Total - before.Total, u.User - before.User, u.System - before.System, u.RSS}
}

func (u *usage) add(o usage) {
	u.Total += o.Total
	u.User += o.User
	u.System += o.System
	u.RSS += o.RSS
}
