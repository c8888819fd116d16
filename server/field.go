package server

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// A kind is what a setting's value looks like in the file.
type kind uint8

const (
	kindText kind = iota // a string
	kindBool
	kindNumber
	kindSize // a number, or a string with a unit
	kindList // an array of strings, or one string with commas
)

// A field is the place of one setting in a Config: it takes a text, checks it
// and keeps it. It is a flag.Value.
type field interface {
	Set(text string) error
	String() string
	kind() kind
}

type textField struct {
	at    *string
	check func(string) error // nil = any text
}

func (f textField) kind() kind { return kindText }
func (f textField) String() string {
	if f.at == nil {
		return ""
	}
	return *f.at
}

func (f textField) Set(s string) error {
	if f.check != nil {
		if err := f.check(s); err != nil {
			return err
		}
	}
	*f.at = s
	return nil
}

type boolField struct{ at *bool }

func (f boolField) kind() kind       { return kindBool }
func (f boolField) String() string   { return strconv.FormatBool(f.at != nil && *f.at) }
func (f boolField) IsBoolFlag() bool { return true } // --name alone means true

func (f boolField) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return errNotBool
	}
	*f.at = v
	return nil
}

type numberField struct {
	at       *int
	min, max int
}

func (f numberField) kind() kind { return kindNumber }
func (f numberField) String() string {
	if f.at == nil {
		return ""
	}
	return strconv.Itoa(*f.at)
}

func (f numberField) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil {
		return errNotNumber
	}
	if v < f.min || v > f.max {
		return fmt.Errorf("%w: expected %d to %d", errRange, f.min, f.max)
	}
	*f.at = v
	return nil
}

type durationField struct {
	at       *time.Duration
	min, max time.Duration
}

func (f durationField) kind() kind { return kindText }
func (f durationField) String() string {
	if f.at == nil {
		return ""
	}
	return f.at.String()
}

func (f durationField) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		return errNotDuration
	}
	if v < f.min || v > f.max {
		return fmt.Errorf("%w: expected %v to %v", errRange, f.min, f.max)
	}
	*f.at = v
	return nil
}

type sizeField struct {
	at       *int64
	min, max int64
}

func (f sizeField) kind() kind { return kindSize }
func (f sizeField) String() string {
	if f.at == nil {
		return ""
	}
	return sizeText(*f.at)
}

func (f sizeField) Set(s string) error {
	v, err := parseSize(s)
	if err != nil {
		return err
	}
	if v < f.min || v > f.max {
		return fmt.Errorf("%w: expected %s to %s", errRange, sizeText(f.min), sizeText(f.max))
	}
	*f.at = v
	return nil
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func parseSize(s string) (int64, error) {
	unit := int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > math.MaxInt64/unit {
		return 0, errNotSize
	}
	return v * unit, nil
}

func sizeText(v int64) string {
	for _, u := range sizeUnits {
		if v >= u.bytes && v%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(v/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(v, 10)
}

type listField struct {
	at    *[]string
	check func(string) error // of each item
}

func (f listField) kind() kind { return kindList }
func (f listField) String() string {
	if f.at == nil {
		return ""
	}
	return strings.Join(*f.at, ",")
}

func (f listField) Set(s string) error {
	var items []string
	for _, item := range strings.Split(s, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if err := f.check(item); err != nil {
			return err
		}
		items = append(items, item)
	}
	*f.at = items
	return nil
}

type levelField struct{ at *slog.Level }

func (f levelField) kind() kind { return kindText }
func (f levelField) String() string {
	if f.at == nil {
		return ""
	}
	return strings.ToLower(f.at.String())
}

func (f levelField) Set(s string) error {
	switch s {
	case "debug", "info", "warn", "error":
		return f.at.UnmarshalText([]byte(s))
	}
	return fmt.Errorf("%w: expected debug, info, warn or error", errRange)
}
