package proto

import (
	"math"
	"strconv"
)

// A Decimal is the number N·10^Exp, exactly.
type Decimal struct {
	N   int64
	Exp int
}

// ParseDecimal reads a JSON number; ok is false for anything else, and for a number
// whose digits do not fit.
func ParseDecimal(p []byte) (d Decimal, ok bool) {
	if end, ok := skipNumber(p, 0); !ok || end != len(p) {
		return Decimal{}, false
	}
	negative := p[0] == '-'
	var n uint64
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c-'0' <= 9:
			if n > (math.MaxInt64-9)/10 {
				return Decimal{}, false
			}
			n = n*10 + uint64(c-'0')
		case c == '.':
			d.Exp = i + 1 // corrected below: the digits behind it
		case c|0x20 == 'e':
			return d.scaled(n, negative, i, p[i+1:])
		}
	}
	return d.scaled(n, negative, len(p), nil)
}

// scaled ends ParseDecimal: digits end at end, d.Exp is where the fraction begins,
// and exponent is what the number says of its power of ten.
func (d Decimal) scaled(n uint64, negative bool, end int, exponent []byte) (Decimal, bool) {
	if d.Exp > 0 {
		d.Exp -= end
	}
	if len(exponent) > 0 {
		e, err := strconv.Atoi(string(exponent))
		if err != nil || e > 1000 || e < -1000 {
			return Decimal{}, false
		}
		d.Exp += e
	}
	if d.N = int64(n); negative {
		d.N = -d.N
	}
	return d, true
}

// at returns the N that d has with another power of ten, no greater than its own.
func (d Decimal) at(exp int) (n int64, ok bool) {
	n = d.N
	for e := d.Exp; e > exp && n != 0; e-- {
		if n > math.MaxInt64/10 || n < -math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, true
}

// String is d in digits, without a power of ten.
func (d Decimal) String() string {
	digits := strconv.FormatInt(d.N, 10)
	sign := ""
	if d.N < 0 {
		sign, digits = "-", digits[1:]
	}
	for e := d.Exp; e > 0 && d.N != 0; e-- {
		digits += "0"
	}
	if d.Exp < 0 {
		for len(digits) <= -d.Exp {
			digits = "0" + digits
		}
		at := len(digits) + d.Exp
		digits = digits[:at] + "." + digits[at:]
	}
	return sign + digits
}
