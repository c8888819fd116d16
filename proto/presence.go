package proto

// What typed streams are told of who is connected. A roster is appended in parts: its
// head, clients, and its end.
//
//	{"type":"roster","clients":[ clients… ],"more":true}
//	{"type":"roster","clients":[ clients… ],"more":false,"total":…}

// A Presence is what is known of a client. Times are Unix µs, 0 is none.
type Presence struct {
	Client      string
	Online      bool
	Connections int   // open streams
	Since       int64 // when it came
	LastSeen    int64 // when it was last connected: now, while it is
}

// RosterEndBytesMax is what AppendRosterEnd appends at most.
const RosterEndBytesMax = len(`],"more":false,"total":`) + 20

// AppendRosterHead appends a roster up to its first client.
func AppendRosterHead(dst []byte) []byte {
	return append(dst, `{"type":"roster","clients":[`...)
}

// AppendRosterClient appends a client, behind another if there is one.
func AppendRosterClient(dst []byte, p *Presence) []byte {
	if dst[len(dst)-1] == '}' {
		dst = append(dst, ',')
	}
	return AppendClient(dst, p)
}

// AppendRosterEnd ends a roster: total clients are in it, online or not, unless another
// piece follows.
func AppendRosterEnd(dst []byte, more bool, total int) []byte {
	if more {
		return append(dst, `],"more":true}`...)
	}
	return append(appendInt(dst, `],"more":false,"total":`, int64(total)), '}')
}

// AppendClient appends {"client":…,"online":…,…}.
func AppendClient(dst []byte, p *Presence) []byte {
	dst = AppendString(append(dst, `{"client":`...), p.Client)
	dst = appendOnline(dst, p.Online)
	dst = appendInt(dst, `,"connections":`, int64(p.Connections))
	dst = appendTime(dst, `,"since":`, p.Since)
	dst = appendTime(dst, `,"last_seen":`, p.LastSeen)
	return append(dst, '}')
}

// AppendPresence appends {"type":"presence",…}: a client came or went at ts; left says
// that it is no longer of those whom the stream may see.
func AppendPresence(dst []byte, client string, online bool, ts int64, left bool) []byte {
	dst = AppendString(append(dst, `{"type":"presence","client":`...), client)
	dst = appendOnline(dst, online)
	dst = appendInt(dst, `,"ts":`, ts)
	if left {
		dst = append(dst, `,"left":true`...)
	}
	return append(dst, '}')
}

func appendOnline(dst []byte, online bool) []byte {
	if online {
		return append(dst, `,"online":true`...)
	}
	return append(dst, `,"online":false`...)
}

func appendTime(dst []byte, name string, ts int64) []byte {
	if ts == 0 {
		return append(append(dst, name...), "null"...)
	}
	return appendInt(dst, name, ts)
}
