package auth

// childMain turns the test binary into the child of a crash test.
func childMain() {}
