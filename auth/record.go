package auth

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Both records begin with their version; integers are big endian.
//
//	account  ver 1 │ id 8 │ created 8 (µs) │ client 16 │ off 1 │
//	         time 4 │ memory 4 │ salt 16 │ hash 32
//	session  ver 1 │ created 8 (µs) │ expires 8 (s) │ family 32 │ current 32 │ username
const (
	recordVersion     = 1
	accountBytes      = 1 + 8 + 8 + 16 + 1 + 4 + 4 + saltBytes + hashBytes
	sessionFixedBytes = 1 + 8 + 8 + 32 + 32
)

// An accountRecord is kept under its username.
type accountRecord struct {
	id         uint64
	created    time.Time
	client     [16]byte
	disabled   bool // by an operator
	suspended  bool // by the vendor that created it
	credential credential
}

// off says whether nobody may log in.
func (a *accountRecord) off() bool { return a.disabled || a.suspended }

func appendAccount(dst []byte, a *accountRecord) []byte {
	dst = append(dst, recordVersion)
	dst = binary.BigEndian.AppendUint64(dst, a.id)
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.created.UnixMicro()))
	dst = append(dst, a.client[:]...)
	var off byte
	if a.disabled {
		off = 1
	}
	if a.suspended {
		off |= 2
	}
	dst = append(dst, off)
	dst = binary.BigEndian.AppendUint32(dst, a.credential.cost.time)
	dst = binary.BigEndian.AppendUint32(dst, a.credential.cost.memory)
	dst = append(dst, a.credential.salt[:]...)
	return append(dst, a.credential.hash[:]...)
}

func parseAccount(p []byte) (accountRecord, error) {
	if len(p) != accountBytes || p[0] != recordVersion || p[33] > 3 {
		return accountRecord{}, fmt.Errorf("%w: account", ErrRecord)
	}
	a := accountRecord{
		id:       binary.BigEndian.Uint64(p[1:]),
		created:  time.UnixMicro(int64(binary.BigEndian.Uint64(p[9:]))),
		client:   [16]byte(p[17:33]),
		disabled: p[33]&1 != 0, suspended: p[33]&2 != 0,
		credential: credential{
			cost: cost{binary.BigEndian.Uint32(p[34:]), binary.BigEndian.Uint32(p[38:])},
			salt: [saltBytes]byte(p[42:]),
			hash: [hashBytes]byte(p[42+saltBytes:]),
		},
	}
	if a.credential.cost.time == 0 {
		return accountRecord{}, fmt.Errorf("%w: account", ErrRecord)
	}
	return a, nil
}

// A sessionRecord is kept under the numbers of its account and itself, as long
// as the session lives: a session without a record has ended.
type sessionRecord struct {
	created  time.Time
	expires  int64    // Unix seconds; moved on by each refresh
	family   [32]byte // hash of what all refresh tokens of the session share
	current  [32]byte // hash of what only the unspent one has
	username string
}

func appendSession(dst []byte, r *sessionRecord) []byte {
	dst = append(dst, recordVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.created.UnixMicro()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.expires))
	dst = append(dst, r.family[:]...)
	dst = append(dst, r.current[:]...)
	return append(dst, r.username...)
}

func parseSession(p []byte) (sessionRecord, error) {
	if len(p) <= sessionFixedBytes || p[0] != recordVersion {
		return sessionRecord{}, fmt.Errorf("%w: session", ErrRecord)
	}
	return sessionRecord{
		created:  time.UnixMicro(int64(binary.BigEndian.Uint64(p[1:]))),
		expires:  int64(binary.BigEndian.Uint64(p[9:])),
		family:   [32]byte(p[17:]),
		current:  [32]byte(p[49:]),
		username: string(p[sessionFixedBytes:]),
	}, nil
}

// sessionKey orders sessions by account.
func sessionKey(account, session uint64) []byte {
	k := binary.BigEndian.AppendUint64(make([]byte, 0, 16), account)
	return binary.BigEndian.AppendUint64(k, session)
}

func parseSessionKey(k []byte) (account, session uint64, err error) {
	if len(k) != 16 {
		return 0, 0, fmt.Errorf("%w: session key", ErrRecord)
	}
	return binary.BigEndian.Uint64(k), binary.BigEndian.Uint64(k[8:]), nil
}
