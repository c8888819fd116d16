//go:build !race && !invariants

// Package invariant switches dear checks on where time does not matter.
package invariant

// Enabled says that dear checks run: under -race, or with the tag invariants.
const Enabled = false
