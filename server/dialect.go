package server

import (
	"net/http"
	"strconv"
	"time"

	"azira/engine"
	"azira/proto"
)

// A dialect is what a stream speaks, agreed on as a WebSocket subprotocol.
type dialect struct {
	protocol string // empty = none is agreed on
	name     string // in the list of sessions
	kind     engine.Kind
}

// dialects are in the order of the numbers that sessions keep of them.
var dialects = [...]dialect{
	{"", "text", engine.Text},
	{proto.ProtocolJSON, proto.ProtocolJSON, engine.JSON},
	{proto.ProtocolBinary, proto.ProtocolBinary, engine.Binary},
}

// dialectOf is the first known one that the client offers, and else text: what is
// unknown is not selected.
func dialectOf(r *http.Request) uint8 {
	for _, offered := range splitList(r.Header["Sec-Websocket-Protocol"]) {
		for i, d := range dialects {
			if i > 0 && d.protocol == offered {
				return uint8(i)
			}
		}
	}
	return 0
}

// beatOf is how often the client asks for heartbeats with ?hb_ms=; 0 if it does not.
func beatOf(r *http.Request) (time.Duration, answer, bool) {
	given, ok := r.URL.Query()["hb_ms"]
	if !ok {
		return 0, answer{}, true
	}
	ms, err := strconv.Atoi(given[0])
	d := time.Duration(ms) * time.Millisecond
	if err != nil || len(given) > 1 || d < engine.BeatMin || d > engine.BeatMax {
		return 0, unprocessable(wrong{[]any{"query", "hb_ms"},
			"ensure this value is a number of ms from 500 to 30000", "value_error"}), false
	}
	return d, answer{}, true
}
