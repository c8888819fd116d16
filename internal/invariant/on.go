//go:build race || invariants

package invariant

// Enabled says that dear checks run: under -race, or with the tag invariants.
const Enabled = true
