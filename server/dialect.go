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

// dialectJSON is the index of azira.v1.json.
const dialectJSON = 1

// A wish is what a client wants of a stream, as its handshake says.
type wish struct {
	dialect  uint8
	protocol string        // to be answered; empty = none
	beat     time.Duration // between heartbeats; 0 = not said
	messages bool          // to get them
}

// wishOf reads a handshake; dialect is what holds if it names none.
func wishOf(r *http.Request, dialect uint8) (w wish, a answer, ok bool) {
	w.dialect = dialectOf(r)
	w.protocol = dialects[w.dialect].protocol
	if w.dialect == 0 {
		w.dialect = dialect
	}
	q := r.URL.Query()
	w.messages = w.dialect != 0
	if given, there := q["messages"]; there {
		if len(given) > 1 || given[0] != "0" && given[0] != "1" {
			return w, unprocessable(wrong{[]any{"query", "messages"},
				"ensure this value is 0 or 1", "value_error"}), false
		}
		w.messages = given[0] == "1"
	}
	if given, there := q["hb_ms"]; there {
		ms, err := strconv.Atoi(given[0])
		w.beat = time.Duration(ms) * time.Millisecond
		if err != nil || len(given) > 1 || w.beat < engine.BeatMin || w.beat > engine.BeatMax {
			return w, unprocessable(wrong{[]any{"query", "hb_ms"},
				"ensure this value is a number of ms from 500 to 30000", "value_error"}), false
		}
	}
	return w, answer{}, true
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
