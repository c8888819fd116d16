package server

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// exampleFile is the copy of the example that is checked in. After a change of the
// table of settings: azira checkconfig --example >deploy/azira.toml
const exampleFile = "../deploy/azira.toml"

// TestExampleConfig holds the checked-in file to the table, and the table to what it
// says: with every line taken for true it is the defaults.
func TestExampleConfig(t *testing.T) {
	var b strings.Builder
	if err := WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(exampleFile)
	if err != nil || string(kept) != b.String() {
		t.Errorf("%s is not what azira checkconfig --example prints (%v)", exampleFile, err)
	}
	if _, err := CheckFile(exampleFile, nil); err != nil {
		t.Error(err)
	}
	used := regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(b.String(), "$1")
	c := Defaults()
	if _, faults := c.applyFile(writeConfig(t, used)); faults != nil {
		t.Errorf("%v", faults)
	}
	if !reflect.DeepEqual(c, Defaults()) {
		t.Errorf("%+v", c)
	}
	for _, st := range settings {
		if n := strings.Count(used, "\n"+st.name+" = "); n != 1 {
			t.Errorf("%s is there %d times", st.name, n)
		}
	}
}
