package server

import (
	"net/http"
	"slices"
	"strconv"
)

// tokens lists the tokens known, in order of name.
func (p *public) tokens(*request) answer {
	names := p.engine.Tokens()
	slices.Sort(names)
	if names == nil {
		names = []string{}
	}
	return object(map[string]any{"tokens": names, "count": len(names)})
}

// lastTick is the newest tick of a token: its data are the publisher's bytes.
func (p *public) lastTick(r *request) answer {
	tick, ticked := p.engine.Last(r.param)
	if !ticked && !p.engine.Known(r.param) {
		return detail(http.StatusNotFound, "Token not found")
	}
	b := append([]byte(`{"token":`), mustJSON(r.param)...)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, tick.Seq, 10)
	b = append(b, `,"ts":`...)
	b = strconv.AppendInt(b, tick.TS, 10)
	b = append(b, `,"data":`...)
	if len(tick.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, tick.Data...)
	}
	return answer{status: http.StatusOK, body: append(b, '}')}
}
