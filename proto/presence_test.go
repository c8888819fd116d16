package proto

import (
	"encoding/json"
	"math"
	"testing"
)

func TestPresenceEvents(t *testing.T) {
	on := Presence{Client: "ann", Online: true, Connections: 2, Since: 5, LastSeen: 7}
	off := Presence{Client: `b"b`}
	roster := AppendRosterClient(AppendRosterClient(AppendRosterHead(nil), &on), &off)
	for _, tc := range []struct {
		got  []byte
		want string
	}{
		{AppendClient(nil, &on),
			`{"client":"ann","online":true,"connections":2,"since":5,"last_seen":7}`},
		{AppendClient(nil, &off),
			`{"client":"b\"b","online":false,"connections":0,"since":null,"last_seen":null}`},
		{AppendRosterEnd(AppendRosterHead(nil), true, 9), `{"type":"roster","clients":[],"more":true}`},
		{AppendRosterEnd(roster[:len(roster):len(roster)], false, 9), `{"type":"roster","clients":[` +
			`{"client":"ann","online":true,"connections":2,"since":5,"last_seen":7},` +
			`{"client":"b\"b","online":false,"connections":0,"since":null,"last_seen":null}` +
			`],"more":false,"total":9}`},
		{AppendPresence(nil, "ann", true, 5, false),
			`{"type":"presence","client":"ann","online":true,"ts":5}`},
		{AppendPresence(nil, "ann", false, 5, true),
			`{"type":"presence","client":"ann","online":false,"ts":5,"left":true}`},
	} {
		if string(tc.got) != tc.want || !json.Valid(tc.got) {
			t.Errorf("%s\nwant %s", tc.got, tc.want)
		}
	}
	if n := len(AppendRosterEnd(nil, false, math.MaxInt)); n > RosterEndBytesMax {
		t.Errorf("an end of %d bytes", n)
	}
}
