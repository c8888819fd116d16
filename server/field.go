package server

import (
	"cmp"
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
// and keeps it.
type field interface {
	Set(text string) error
	kind() kind
}

type textField struct {
	at    *string
	check func(string) error // nil = any text
}

func (f textField) kind() kind { return kindText }

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

func (f boolField) kind() kind { return kindBool }

func (f boolField) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return errNotBool
	}
	*f.at = v
	return nil
}

// A rangeField takes values from min to max, both included.
type rangeField[T cmp.Ordered] struct {
	at       *T
	min, max T
	form     form[T]
}

// A form is how values of a type are written.
type form[T any] struct {
	kind  kind
	parse func(string) (T, error)
	text  func(T) string
}

func numberField(at *int, min, max int) field {
	return rangeField[int]{at, min, max, form[int]{kindNumber, parseNumber, strconv.Itoa}}
}

func durationField(at *time.Duration, min, max time.Duration) field {
	return rangeField[time.Duration]{at, min, max,
		form[time.Duration]{kindText, parseDuration, time.Duration.String}}
}

func sizeField(at *int64, min, max int64) field {
	return rangeField[int64]{at, min, max, form[int64]{kindSize, parseSize, sizeText}}
}

// ringField takes powers of two only, so that places in a ring are a mask away.
func ringField(at *int64, min, max int64) field {
	return rangeField[int64]{at, min, max, form[int64]{kindSize, parseRing, sizeText}}
}

func (f rangeField[T]) kind() kind { return f.form.kind }

func (f rangeField[T]) Set(s string) error {
	v, err := f.form.parse(s)
	if err != nil {
		return err
	}
	if v < f.min || v > f.max {
		return fmt.Errorf("%w: expected %s to %s", errRange, f.form.text(f.min), f.form.text(f.max))
	}
	*f.at = v
	return nil
}

func parseNumber(s string) (int, error) {
	v, err := strconv.Atoi(s)
	if err != nil {
		return 0, errNotNumber
	}
	return v, nil
}

func parseDuration(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, errNotDuration
	}
	return v, nil
}

func parseRing(s string) (int64, error) {
	v, err := parseSize(s)
	if err == nil && v&(v-1) != 0 {
		return 0, errNotPower
	}
	return v, err
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

func (f levelField) Set(s string) error {
	switch s {
	case "debug", "info", "warn", "error":
		return f.at.UnmarshalText([]byte(s))
	}
	return fmt.Errorf("%w: expected debug, info, warn or error", errRange)
}
