package proto

// A quote is the prices of a tick, as its publisher wrote them: JSON values, nil
// where the tick has none.
type quote struct{ ltp, bid, ask []byte }

// findQuote looks for the prices among the members of a checked tick. Of several
// with one name the last counts, as for most parsers of JSON.
func findQuote(data []byte) (q quote) {
	for i := 0; ; {
		var name, value []byte
		if name, value, i = nextMember(data, i); i < 0 {
			return q
		}
		switch string(name) {
		case "ltp":
			q.ltp = value
		case "bestbidprice":
			q.bid = value
		case "bestaskprice":
			q.ask = value
		}
	}
}

// nextMember returns a member of a checked object: its name as it is spelled, and its
// value. next is for the call that follows, the first one has 0; it is negative if
// there are no more.
func nextMember(data []byte, at int) (name, value []byte, next int) {
	i := skipBlanks(data, at)
	if i == len(data) || at > 0 && data[i] == '}' {
		return nil, nil, -1
	}
	i = skipBlanks(data, i+1) // behind the brace or a comma
	if i == len(data) || data[i] != '"' {
		return nil, nil, -1
	}
	end, ok := skipString(data, i+1)
	if !ok {
		return nil, nil, -1
	}
	name = data[i+1 : end-1]
	from := skipBlanks(data, skipBlanks(data, end)+1) // behind the colon
	to, ok := skipValue(data, from, objectDepthMax)
	if !ok {
		return nil, nil, -1
	}
	return name, data[from:to], to
}

// FindNumber returns a whole number among the members of a checked tick; ok is false if
// there is none of that name, or it is none.
func FindNumber(data []byte, name string) (n uint64, ok bool) {
	for i := 0; ; {
		var found, value []byte
		if found, value, i = nextMember(data, i); i < 0 {
			return n, ok
		}
		if string(found) == name {
			d, whole := ParseDecimal(value)
			n, ok = uint64(d.N), whole && d.Exp == 0 && d.N >= 0
		}
	}
}

// prices are a tick's prices as integers of one power of ten.
type prices struct {
	exp           int
	ltp, bid, ask int64
	ltpAlone      bool
}

// parse returns the prices of a quote, of ltp alone if that is all that is asked
// for; ok is false where they have no such form.
func (q quote) parse(ltpAlone bool) (p prices, ok bool) {
	ltp, ok := ParseDecimal(q.ltp)
	if !ok {
		return p, false
	}
	p.exp = ltp.Exp
	var bid, ask Decimal
	if p.ltpAlone = ltpAlone || q.bid == nil && q.ask == nil; !p.ltpAlone {
		bid, ok = ParseDecimal(q.bid)
		if !ok {
			return p, false
		}
		if ask, ok = ParseDecimal(q.ask); !ok {
			return p, false
		}
		p.exp = min(ltp.Exp, bid.Exp, ask.Exp)
	}
	if p.exp < -128 || p.exp > 127 {
		return p, false
	}
	for _, x := range [...]struct {
		to   *int64
		from Decimal
	}{{&p.ltp, ltp}, {&p.bid, bid}, {&p.ask, ask}} {
		if *x.to, ok = x.from.at(p.exp); !ok {
			return p, false
		}
	}
	return p, differ(p.bid, p.ltp) && differ(p.ask, p.ltp)
}

// differ says that a-b is an int64.
func differ(a, b int64) bool { return (a-b < a) == (b > 0) }
