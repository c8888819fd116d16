package client

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestDecimalString(t *testing.T) {
	tests := []struct {
		d    Decimal
		want string
	}{
		{Decimal{}, "0"},
		{Decimal{0, -2}, "0.00"},
		{Decimal{0, 5}, "0"},
		{Decimal{12345, -2}, "123.45"},
		{Decimal{12340, -2}, "123.40"},
		{Decimal{-5, -1}, "-0.5"},
		{Decimal{-5, -4}, "-0.0005"},
		{Decimal{123, -3}, "0.123"},
		{Decimal{7, 3}, "7000"},
		{Decimal{math.MinInt64, -2}, "-92233720368547758.08"},
		{Decimal{math.MaxInt64, 0}, "9223372036854775807"},
		{Decimal{1, -128}, "0." + strings.Repeat("0", 127) + "1"},
		{Decimal{1, 127}, "1" + strings.Repeat("0", 127)},
	}
	for _, tt := range tests {
		if got := tt.d.String(); got != tt.want {
			t.Errorf("%d e %d: %s, want %s", tt.d.N, tt.d.Exp, got, tt.want)
		}
	}
	if (Decimal{12345, -2}).Float64() != 123.45 || !(Decimal{150, -2}).Equal(Decimal{15, -1}) ||
		(Decimal{15, -2}).Equal(Decimal{15, -1}) || !(Decimal{0, 9}).Equal(Decimal{}) {
		t.Error("a decimal is not what it is")
	}
}

func TestParseDecimal(t *testing.T) {
	tests := map[string]Decimal{
		"0":                        {},
		"-0":                       {},
		"0.00":                     {0, -2},
		"123.40":                   {12340, -2},
		"-1.5e3":                   {-15, 2},
		"1E+2":                     {1, 2},
		"1e-3":                     {1, -3},
		"9223372036854775807":      {math.MaxInt64, 0},
		"-9223372036854775808":     {math.MinInt64, 0},
		"1.0000000000000000000000": {100000000000000000, -17},
		"1e130":                    {1000, 127},
		"10e-129":                  {1, -128},
	}
	for in, want := range tests {
		if got, err := ParseDecimal(in); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1x", " 1", "1 ",
		"9223372036854775808", "1.00000000000000000001", "1e200", "1e-200", "1e99999999999",
		"NaN", "null", `"1"`, "1e1.5", "1e1_0"} {
		if got, err := ParseDecimal(in); !errors.Is(err, ErrDecimal) {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
}

// What is read is the number itself, never one near it.
func FuzzDecimal(f *testing.F) {
	f.Add("123.45")
	f.Add("-1e-9")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDecimal(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		got, again := new(big.Rat).SetString(d.String())
		if !ok || !again || want.Cmp(got) != 0 {
			t.Fatalf("%q is %s", s, d)
		}
	})
}
