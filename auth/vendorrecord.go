package auth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"azira/store"
)

// Keys of store.TableVendors: a letter, then names, each but a last one ended by NUL,
// which no name holds.
//
//	v vendor              what the operator set for it
//	k id                  an API key
//	g vendor 0 client     a membership, by vendor
//	c client 0 vendor 0   the same, by client
//	c client 0 vendor 0 n one that ended: n is its first mark
//	o client              the vendor that created the account
//	d vendor              it is a vendor no longer, and parts of its group may be left
const (
	recVendor  = 'v'
	recKey     = 'k'
	recMember  = 'g'
	recClient  = 'c'
	recCreator = 'o'
	recGone    = 'd'
)

// The records begin with their version; integers are big endian.
//
//	vendor  ver 1 │ account 8 │ streams 4 │ tokens 4 │ messages 4 │ bytes 4
//	key     ver 1 │ hash 32 │ scopes 1 │ created 8 (s) │ expires 8 (s) │ used 8 (s) │
//	        vendor's length 2 │ vendor │ label
//	member  ver 1 │ flags 1 │ number 8 │ joined 8 (mark) │ at 8 (µs)
//	ended   ver 1 │ left 8 (mark) │ at 8 (s)
const (
	vendorBytes   = 1 + 8 + 4*4
	keyFixedBytes = 1 + 32 + 1 + 3*8 + 2
	memberBytes   = 1 + 1 + 3*8
	endedBytes    = 1 + 8 + 8

	memberCreated = 1 // flags
	memberTickets = 2
)

// A vendorRecord is kept under the vendor's name.
type vendorRecord struct {
	account uint64
	limits  VendorLimits
}

func appendVendor(dst []byte, r *vendorRecord) []byte {
	dst = append(dst, recordVersion)
	dst = binary.BigEndian.AppendUint64(dst, r.account)
	for _, n := range r.limits.all() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(*n))
	}
	return dst
}

func parseVendor(p []byte) (r vendorRecord, err error) {
	if len(p) != vendorBytes || p[0] != recordVersion {
		return r, fmt.Errorf("%w: vendor", ErrRecord)
	}
	r.account = binary.BigEndian.Uint64(p[1:])
	for i, n := range r.limits.all() {
		*n = int(binary.BigEndian.Uint32(p[9+4*i:]))
	}
	if !r.limits.good() {
		return r, fmt.Errorf("%w: vendor", ErrRecord)
	}
	return r, nil
}

// A keyRecord is kept under the number of an API key.
type keyRecord struct {
	hash    [32]byte // of the secret
	scopes  Scope
	created int64 // Unix seconds
	expires int64 // 0 = never
	used    int64 // about; 0 = never
	vendor  string
	label   string
}

func appendKey(dst []byte, r *keyRecord) []byte {
	dst = append(dst, recordVersion)
	dst = append(dst, r.hash[:]...)
	dst = append(dst, byte(r.scopes))
	for _, t := range [...]int64{r.created, r.expires, r.used} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(t))
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.vendor)))
	dst = append(dst, r.vendor...)
	return append(dst, r.label...)
}

func parseKey(p []byte) (keyRecord, error) {
	if len(p) < keyFixedBytes || p[0] != recordVersion {
		return keyRecord{}, fmt.Errorf("%w: key", ErrRecord)
	}
	rest := p[keyFixedBytes:]
	n := int(binary.BigEndian.Uint16(p[keyFixedBytes-2:]))
	scopes := Scope(p[33])
	if n == 0 || n > len(rest) || scopes == 0 || scopes&^ScopeAll != 0 {
		return keyRecord{}, fmt.Errorf("%w: key", ErrRecord)
	}
	return keyRecord{
		hash:    [32]byte(p[1:]),
		scopes:  scopes,
		created: int64(binary.BigEndian.Uint64(p[34:])),
		expires: int64(binary.BigEndian.Uint64(p[42:])),
		used:    int64(binary.BigEndian.Uint64(p[50:])),
		vendor:  string(rest[:n]),
		label:   string(rest[n:]),
	}, nil
}

// A memberRecord is kept twice, by vendor and by client. Its number is that of the
// session which tickets made by the vendor belong to.
type memberRecord struct {
	created bool // the vendor made the account
	tickets bool // the client consents to them
	number  uint64
	joined  uint64    // mark
	at      time.Time // when
}

// admits says whether the vendor may mint tickets.
func (m *memberRecord) admits() bool { return m.created || m.tickets }

func appendMember(dst []byte, m *memberRecord) []byte {
	var flags byte
	if m.created {
		flags |= memberCreated
	}
	if m.tickets {
		flags |= memberTickets
	}
	dst = append(dst, recordVersion, flags)
	dst = binary.BigEndian.AppendUint64(dst, m.number)
	dst = binary.BigEndian.AppendUint64(dst, m.joined)
	return binary.BigEndian.AppendUint64(dst, uint64(m.at.UnixMicro()))
}

func parseMember(p []byte) (memberRecord, error) {
	if len(p) != memberBytes || p[0] != recordVersion || p[1] > memberCreated|memberTickets {
		return memberRecord{}, fmt.Errorf("%w: member", ErrRecord)
	}
	return memberRecord{
		created: p[1]&memberCreated != 0,
		tickets: p[1]&memberTickets != 0,
		number:  binary.BigEndian.Uint64(p[2:]),
		joined:  binary.BigEndian.Uint64(p[10:]),
		at:      time.UnixMicro(int64(binary.BigEndian.Uint64(p[18:]))),
	}, nil
}

// An endedRecord is what is left of a membership for a while.
type endedRecord struct {
	left uint64 // mark
	at   int64  // Unix seconds
}

func appendEnded(dst []byte, e endedRecord) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, recordVersion), e.left)
	return binary.BigEndian.AppendUint64(dst, uint64(e.at))
}

func parseEnded(p []byte) (endedRecord, error) {
	if len(p) != endedBytes || p[0] != recordVersion {
		return endedRecord{}, fmt.Errorf("%w: ended membership", ErrRecord)
	}
	return endedRecord{
		binary.BigEndian.Uint64(p[1:]), int64(binary.BigEndian.Uint64(p[9:])),
	}, nil
}

func nameKey(letter byte, name string) []byte { return append([]byte{letter}, name...) }

func keyKey(id keyID) []byte { return append([]byte{recKey}, id[:]...) }

// groupKey is of a membership by vendor; without a client, what all of the vendor begin with.
func groupKey(vendor, client string) []byte {
	return append(append(nameKey(recMember, vendor), 0), client...)
}

// clientKey is of a membership by client; without a vendor, what all of the client begin with.
func clientKey(client, vendor string) []byte {
	k := append(nameKey(recClient, client), 0)
	if vendor == "" {
		return k
	}
	return append(append(k, vendor...), 0)
}

func endedKey(client, vendor string, joined uint64) []byte {
	return binary.BigEndian.AppendUint64(clientKey(client, vendor), joined)
}

// A clientEntry is one record below a client: a membership, or one that ended.
type clientEntry struct {
	client, vendor string
	joined         uint64 // of one that ended
	ended          bool
}

func parseClientKey(k []byte) (e clientEntry, err error) {
	bad := fmt.Errorf("%w: membership's key", ErrRecord)
	if len(k) == 0 || k[0] != recClient {
		return e, bad
	}
	client, rest, ok := bytes.Cut(k[1:], []byte{0})
	vendor, mark, okToo := bytes.Cut(rest, []byte{0})
	if !ok || !okToo || len(client) == 0 || len(vendor) == 0 ||
		len(mark) != 0 && len(mark) != 8 {
		return e, bad
	}
	e = clientEntry{client: string(client), vendor: string(vendor), ended: len(mark) == 8}
	if e.ended {
		e.joined = binary.BigEndian.Uint64(mark)
	}
	return e, nil
}

func (e *clientEntry) key() []byte {
	if e.ended {
		return endedKey(e.client, e.vendor, e.joined)
	}
	return clientKey(e.client, e.vendor)
}

// putMember adds both records of a membership to b.
func putMember(b *store.Batch, vendor, client string, m *memberRecord) {
	v := appendMember(nil, m)
	b.Set(store.TableVendors, groupKey(vendor, client), v)
	b.Set(store.TableVendors, clientKey(client, vendor), v)
}

// deleteMember takes them away, and who created the account.
func deleteMember(b *store.Batch, vendor, client string, m *memberRecord) {
	b.Delete(store.TableVendors, groupKey(vendor, client))
	b.Delete(store.TableVendors, clientKey(client, vendor))
	if m.created {
		b.Delete(store.TableVendors, nameKey(recCreator, client))
	}
}
