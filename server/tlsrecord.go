package server

// A recordScan watches the records of a TLS session go by, and knows how much of one that
// is not whole there is (RFC 8446 §5.1):
//
//	type 1 │ version 2 │ length 2 │ length bytes
type recordScan struct {
	head int // bytes of the header so far
	size int // of the record behind it
	left int // of that, still to come
}

const recordHeadBytes = 5

func (s *recordScan) watch(p []byte) {
	for len(p) > 0 {
		if s.head < recordHeadBytes {
			if s.head >= recordHeadBytes-2 {
				s.size = s.size<<8 | int(p[0])
			}
			s.head++
			p = p[1:]
			s.left = s.size
		} else {
			n := min(s.left, len(p))
			s.left -= n
			p = p[n:]
		}
		if s.head == recordHeadBytes && s.left == 0 {
			*s = recordScan{}
		}
	}
}

// held is how many bytes there are of a record that is not whole.
func (s *recordScan) held() int {
	if s.head < recordHeadBytes {
		return s.head
	}
	return s.head + s.size - s.left
}
