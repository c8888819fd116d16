package proto

// A quote is the prices of a tick, as its publisher wrote them: JSON values, nil
// where the tick has none.
type quote struct{ ltp, bid, ask []byte }

// findQuote looks for the prices among the members of a checked tick. Of several
// with one name the last counts, as for most parsers of JSON.
func findQuote(data []byte) (q quote) {
	i := skipBlanks(data, 0) + 1
	for {
		i = skipBlanks(data, i)
		if i >= len(data) || data[i] != '"' {
			return q
		}
		name := i + 1
		end, ok := skipString(data, name)
		if !ok {
			return q
		}
		from := skipBlanks(data, skipBlanks(data, end)+1)
		to, ok := skipValue(data, from, objectDepthMax)
		if !ok {
			return q
		}
		switch string(data[name : end-1]) {
		case "ltp":
			q.ltp = data[from:to]
		case "bestbidprice":
			q.bid = data[from:to]
		case "bestaskprice":
			q.ask = data[from:to]
		}
		i = skipBlanks(data, to) + 1 // behind a comma or the end
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
