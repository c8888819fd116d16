package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const envPrefix = "AZIRA_"

// LoadConfig makes the Config of a server from its three sources: the file,
// then the environment over it, then the flags over both. The file is the one
// named by --config or AZIRA_CONFIG, if any.
//
// Bad settings of any source come back together as a *ConfigError. For --help
// the overview is written to help and the error is flag.ErrHelp.
func LoadConfig(args, environ []string, help io.Writer) (Config, error) {
	c := Defaults()
	given, err := parseFlags(args, help)
	if err != nil {
		return c, err
	}
	var faults []Fault
	c.supervisor = supervisorOf(environ)
	env := environment(environ)
	c.ConfigFile = env["config"]
	if file, ok := given.value("config"); ok {
		c.ConfigFile = file
	}
	if c.ConfigFile != "" {
		_, wrong := c.applyFile(c.ConfigFile)
		faults = append(faults, wrong...)
	}
	faults = append(faults, c.applyEnvironment(env)...)
	for _, g := range given {
		faults = append(faults, c.apply(g.name, g.text, "flags", 0)...)
	}
	faults = append(faults, c.check(faults)...)
	c.Warnings = append(c.Warnings, strangers(env)...)
	c.Warnings = append(c.Warnings, shownSecrets(given)...)
	c.Warnings = append(c.Warnings, c.remarks()...)
	return c, asError(faults)
}

// CheckFile reads a configuration file, with the environment over it as a server has it,
// and the files that it names. It returns a *ConfigError with every fault, or another
// error if it can't be read, and remarks that are no faults.
func CheckFile(name string, environ []string) (warnings []string, err error) {
	if _, err := os.Stat(name); err != nil {
		return nil, fmt.Errorf("%w: %s: %s", errUnreadable, name, cause(err))
	}
	c, env := Defaults(), environment(environ)
	lines, faults := c.applyFile(name)
	faults = append(faults, c.applyEnvironment(env)...)
	found := c.check(faults)
	if len(faults)+len(found) == 0 {
		found, warnings = c.checkFiles()
	}
	for _, f := range found {
		f.Source, f.Line = name, lines[f.Name]
		if _, over := env[f.Name]; over {
			f.Source, f.Line, f.Name = "environment", 0, envName(f.Name)
		}
		faults = append(faults, f)
	}
	warnings = append(warnings, strangers(env)...)
	return append(warnings, c.remarks()...), asError(faults)
}

// apply sets one setting from text.
func (c *Config) apply(name, text, source string, line int) []Fault {
	st := settingNamed(name)
	if st == nil { // --config is a flag, not a setting
		return nil
	}
	if err := st.bind(c).Set(text); err != nil {
		shown := plain(err)
		if !st.secret {
			shown += fmt.Sprintf(", got %q", clip(text, 80))
		}
		return []Fault{{Source: source, Line: line, Name: name, Text: shown}}
	}
	return nil
}

// applyFile sets what a file says, and returns in which line it says what.
func (c *Config) applyFile(name string) (lines map[string]int, faults []Fault) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, []Fault{{Source: name, Text: "can't be read: " + cause(err)}}
	}
	entries, faults := parseFile(text)
	for i := range faults {
		faults[i].Source = name
	}
	lines = make(map[string]int)
	for _, e := range entries {
		lines[e.name] = e.line
		faults = append(faults, c.apply(e.name, e.text, name, e.line)...)
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return a.Line - b.Line })
	return lines, faults
}

func (c *Config) applyEnvironment(env map[string]string) []Fault {
	var faults []Fault
	for i := range settings {
		st := &settings[i]
		if text, ok := env[st.name]; ok {
			for _, f := range c.apply(st.name, text, "environment", 0) {
				f.Name = envName(st.name)
				faults = append(faults, f)
			}
		}
	}
	return faults
}

// environment is what is set and not empty of AZIRA_*, by the setting's name.
func environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, kv := range environ {
		key, value, _ := strings.Cut(kv, "=")
		if rest, ok := strings.CutPrefix(key, envPrefix); ok && value != "" {
			env[strings.ReplaceAll(strings.ToLower(rest), "_", "-")] = value
		}
	}
	return env
}

// strangers warns of AZIRA_ variables that look like a misspelled setting.
func strangers(env map[string]string) []string {
	var out []string
	for name := range env {
		if name == "config" || settingNamed(name) != nil {
			continue
		}
		if near := nearest(name); near != "" {
			out = append(out, fmt.Sprintf(
				"environment: %s is unknown and ignored; did you mean %s?",
				envName(name), envName(near)))
		}
	}
	slices.Sort(out)
	return out
}

func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// A given is one flag of the command line.
type given struct{ name, text string }

type givens []given

// value is the last one given under name.
func (gs givens) value(name string) (string, bool) {
	for _, g := range slices.Backward(gs) {
		if g.name == name {
			return g.text, true
		}
	}
	return "", false
}

// collector keeps a flag's text until the sources below it were read.
type heard struct {
	into *givens
	name string
	bool bool
}

func (h heard) String() string   { return "" }
func (h heard) IsBoolFlag() bool { return h.bool }

func (h heard) Set(text string) error {
	*h.into = append(*h.into, given{h.name, text})
	return nil
}

func parseFlags(args []string, help io.Writer) (givens, error) {
	var gs givens
	var scratch Config
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for i := range settings {
		st := &settings[i]
		isBool := st.bind(&scratch).kind() == kindBool
		fs.Var(heard{&gs, st.name, isBool}, st.name, st.help)
	}
	fs.Var(heard{&gs, "config", false}, "config", "file of settings")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		writeHelp(help)
		return nil, flag.ErrHelp
	case err != nil:
		return nil, &ConfigError{[]Fault{flagFault(err)}}
	case fs.NArg() > 0:
		text := fmt.Sprintf("%q is no flag; expected flags alone", clip(fs.Arg(0), 80))
		return nil, &ConfigError{[]Fault{{Source: "flags", Text: text}}}
	}
	return gs, nil
}

// flagFault adds the nearest known flag to package flag's own words.
func flagFault(err error) Fault {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = strings.TrimPrefix(name, "-")
		text = "unknown flag --" + clip(name, 80)
		if near := nearest(name); near != "" {
			text += "; did you mean --" + near + "?"
		}
	}
	return Fault{Source: "flags", Text: text}
}

func settingNamed(name string) *setting {
	for i := range settings {
		if settings[i].name == name {
			return &settings[i]
		}
	}
	return nil
}

// cause is the innermost reason of a file error, without the path.
func cause(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
