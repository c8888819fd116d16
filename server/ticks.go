package server

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// A tokenList is the answer that lists all tokens, made once for all who ask
// while there are no new ones: it is large, and slow readers hold on to it.
type tokenList struct {
	mu     sync.Mutex
	count  int // of tokens; tokens never go away
	body   []byte
	packed []byte // body compressed
}

// of returns the list of so many tokens, in order of name, and its compressed form.
func (l *tokenList) of(count int, names func() []string) (body, packed []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.body == nil || l.count != count {
		list := append([]string{}, names()...)
		slices.Sort(list)
		l.body = mustJSON(map[string]any{"tokens": list, "count": len(list)})
		l.count, l.packed = len(list), nil
		if len(l.body) >= gzipBytesMin {
			l.packed = compress(l.body)
		}
	}
	return l.body, l.packed
}

// tokens lists the tokens known.
func (p *public) tokens(*request) answer {
	body, packed := p.list.of(p.engine.TokenCount(), p.engine.Tokens)
	return answer{status: http.StatusOK, body: body, packed: packed}
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
