package client

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Decimal is N · 10^Exp, exactly: a price as the wire carries it.
type Decimal struct {
	N   int64
	Exp int8
}

// String writes all digits, with as many after the point as Exp says.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append appends what String gives.
func (d Decimal) Append(dst []byte) []byte {
	var space [20]byte
	digits := strconv.AppendInt(space[:0], d.N, 10)
	if d.N < 0 {
		dst, digits = append(dst, '-'), digits[1:]
	}
	if d.Exp >= 0 {
		dst = append(dst, digits...)
		for i := int8(0); i < d.Exp && d.N != 0; i++ {
			dst = append(dst, '0')
		}
		return dst
	}
	whole := len(digits) + int(d.Exp)
	if whole > 0 {
		dst = append(dst, digits[:whole]...)
		return append(append(dst, '.'), digits[whole:]...)
	}
	dst = append(dst, "0."...)
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// Float64 is the nearest float.
func (d Decimal) Float64() float64 {
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		panic("client: decimal that is no number: " + d.String())
	}
	return f
}

// Equal compares by value: 1.50 is 1.5.
func (d Decimal) Equal(o Decimal) bool { return d.normal() == o.normal() }

// normal takes zeros off the end as far as Exp can tell of them.
func (d Decimal) normal() Decimal {
	if d.N == 0 {
		return Decimal{}
	}
	for d.N%10 == 0 && d.Exp < math.MaxInt8 {
		d.N /= 10
		d.Exp++
	}
	return d
}

// ParseDecimal reads a number as JSON writes it (RFC 8259 §6). One that has more
// than 64 bits of digits is an error, never rounded.
func ParseDecimal(s string) (Decimal, error) {
	rest, negative := strings.CutPrefix(s, "-")
	whole, rest := cutDigits(rest)
	fraction, exp, ok := "", 0, whole != "" && (whole[0] != '0' || len(whole) == 1)
	if after, found := strings.CutPrefix(rest, "."); found {
		fraction, rest = cutDigits(after)
		ok = ok && fraction != ""
	}
	if rest != "" && rest[0]|0x20 == 'e' {
		power, err := strconv.ParseInt(rest[1:], 10, 16)
		ok, exp, rest = ok && err == nil, int(power), ""
	}
	if !ok || rest != "" {
		return Decimal{}, fmt.Errorf("%w: %q", ErrDecimal, clean(s))
	}
	return compose(negative, whole+fraction, exp-len(fraction))
}

func compose(negative bool, digits string, exp int) (Decimal, error) {
	const sure = 18 // digits that fit for certain
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return Decimal{Exp: int8(max(min(exp, 0), math.MinInt8))}, nil
	}
	for (len(digits) > sure || exp < math.MinInt8) && strings.HasSuffix(digits, "0") {
		digits, exp = digits[:len(digits)-1], exp+1
	}
	for exp > math.MaxInt8 && len(digits) < sure {
		digits, exp = digits+"0", exp-1
	}
	if negative {
		digits = "-" + digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || exp < math.MinInt8 || exp > math.MaxInt8 {
		return Decimal{}, fmt.Errorf("%w: %s…e%d is too big or too fine", ErrDecimal,
			digits[:min(len(digits), 20)], exp)
	}
	return Decimal{N: n, Exp: int8(exp)}, nil
}

func cutDigits(s string) (digits, rest string) {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return s[:n], s[n:]
}
