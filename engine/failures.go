package engine

import "azira/proto"

// failures are the tokens that an ack says no to, side by side: an answer may have to
// keep many.
type failures struct {
	names []byte
	of    []failed
	seen  map[string]struct{} // while the request is read
}

// A failed token's name ends in names where the next one's begins.
type failed struct {
	end uint32
	why failure
}

// A failure is why a request can't have a token.
type failure uint8

const (
	failUnknown failure = iota
	failLimit
	failNotHeld
	failBeyond
)

var failureCodes = [...]int{
	proto.CodeUnknownToken, proto.CodeLimit, proto.CodeBadRequest, proto.CodeBadRequest,
}

var failureTexts = [...]string{
	"unknown token", "as many tokens as allowed are held", "not subscribed",
	"from is beyond what was published",
}

func (f failure) code() int { return failureCodes[f] }

func (f failure) text() string { return failureTexts[f] }

// add notes a token, once; of a name that is none a beginning is enough.
func (f *failures) add(name []byte, why failure) {
	name = proto.ClipName(name)
	if f.seen == nil {
		f.seen = make(map[string]struct{})
	}
	if _, ok := f.seen[string(name)]; ok {
		return
	}
	f.seen[string(name)] = struct{}{}
	f.names = append(f.names, name...)
	f.of = append(f.of, failed{uint32(len(f.names)), why})
}

func (f *failures) len() int { return len(f.of) }

func (f *failures) at(i int) (name []byte, why failure) {
	from := uint32(0)
	if i > 0 {
		from = f.of[i-1].end
	}
	return f.names[from:f.of[i].end], f.of[i].why
}

func (f *failures) bytes() int { return cap(f.names) + 8*cap(f.of) }
