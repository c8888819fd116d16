package bench

// Events of the typed dialects are read in the one form in which the server writes
// them: a swarm takes two million ticks per second, and another form is a fault worth
// knowing of.

// A typedTick is a tick or a snapshot, of either typed dialect.
type typedTick struct {
	token uint32
	seq   uint64
	ts    int64 // Unix µs: when the server took it in
	snap  bool
	data  []byte // the whole tick; nil where its price alone came
	price []byte // that price; nil in binary
}

// parseTypedTick reads a tick or snapshot in JSON; ok is false for anything else.
func parseTypedTick(p []byte) (tk typedTick, ok bool) {
	r := fields{p: p}
	if tk.snap = r.has(`{"type":"snap","token":`); !tk.snap {
		r.skip(`{"type":"tick","token":`)
	}
	tk.token = r.token()
	r.skip(`,"seq":`)
	tk.seq = r.number()
	r.skip(`,"ts":`)
	tk.ts = int64(r.number())
	switch {
	case r.has(`,"data":`):
		tk.data = r.last()
	case r.has(`,"ltp":`):
		tk.price = r.last()
	default:
		r.bad = true
	}
	return tk, !r.bad
}

// A typedSkip says that the ticks before seq were passed over, so many of them.
type typedSkip struct {
	token      uint32
	count, seq uint64
}

func parseTypedSkip(p []byte) (s typedSkip, ok bool) {
	r := fields{p: p}
	r.skip(`{"type":"skip","token":`)
	s.token = r.token()
	r.skip(`,"count":`)
	s.count = r.number()
	r.skip(`,"seq":`)
	s.seq = r.number()
	return s, !r.bad
}

// A typedGap says that ticks can't be had any more.
type typedGap struct {
	token    uint32
	from, to uint64
}

func parseTypedGap(p []byte) (g typedGap, ok bool) {
	r := fields{p: p}
	r.skip(`{"type":"gap","token":`)
	g.token = r.token()
	r.skip(`,"from":`)
	g.from = r.number()
	r.skip(`,"to":`)
	g.to = r.number()
	return g, !r.bad
}

// parseBeat reads what a heartbeat's sum must be: that of the client, with what the
// server holds back.
func parseBeat(p []byte) (sum, pending uint64, ok bool) {
	r := fields{p: p}
	r.skip(`{"type":"hb","ts":`)
	r.number()
	r.skip(`,"sum":`)
	sum = r.number()
	r.skip(`,"pending":`)
	pending = r.number()
	return sum, pending, !r.bad
}

// An ackedToken is one that an ack says yes to.
type ackedToken struct {
	token, ref uint32
	seq        uint64
}

// parseAck hands on what a piece of an ack says yes to. ok is false if it says no to
// anything, or is none.
func parseAck(p []byte, held func(ackedToken)) (more, ok bool) {
	r := fields{p: p}
	r.skip(`{"type":"ack","op":"subscribe","ok":[`)
	for !r.bad && !r.has(`],"failed":[],"count":`) {
		var a ackedToken
		r.has(`,`)
		r.skip(`{"token":`)
		a.token = r.token()
		r.skip(`,"ref":`)
		a.ref = uint32(min(r.number(), 1<<32-1))
		r.skip(`,"seq":`)
		a.seq = r.number()
		if r.skip(`}`); !r.bad {
			held(a)
		}
	}
	r.number()
	r.skip(`,"limit":`)
	r.number()
	more = r.has(`,"more":true`)
	r.skip(`}`)
	return more, !r.bad
}

// fields take what an event says off p, in order; bad says that something was not
// there.
type fields struct {
	p   []byte
	bad bool
}

func (r *fields) has(word string) bool {
	if len(r.p) < len(word) || string(r.p[:len(word)]) != word {
		return false
	}
	r.p = r.p[len(word):]
	return true
}

func (r *fields) skip(word string) {
	if !r.has(word) {
		r.bad, r.p = true, nil
	}
}

// number is one below 2^53.
func (r *fields) number() (v uint64) {
	i := 0
	for ; i < len(r.p) && r.p[i]-'0' <= 9 && v < 1<<53; i++ {
		v = v*10 + uint64(r.p[i]-'0')
	}
	if i == 0 || v >= 1<<53 {
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[i:]
	return v
}

func (r *fields) token() uint32 {
	r.skip(`"` + tokenPrefix)
	v := r.number()
	r.skip(`"`)
	if v < tokenBase || v-tokenBase >= universeMax {
		r.bad = true
		return 0
	}
	return uint32(v - tokenBase)
}

// last is the value that ends the event.
func (r *fields) last() []byte {
	end := len(r.p) - 1
	if end < 1 || r.p[end] != '}' {
		r.bad = true
		return nil
	}
	return r.p[:end:end]
}
