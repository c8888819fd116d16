package auth

import "azira/store"

// ClientNames is ClientsOf, by name alone, which needs no look at the accounts.
func (s *Service) ClientNames(
	vendor, after string, n int,
) (names []string, more bool, err error) {
	v, err := s.named(vendor)
	if err != nil {
		return nil, false, err
	}
	more, err = s.scanGroup(v.name, after, n, func(client string, _ []byte) error {
		names = append(names, client)
		return nil
	})
	return names, more, err
}

// scanGroup calls f with up to n members of a group beyond after, by name. more says
// whether there are others behind them.
func (s *Service) scanGroup(
	vendor, after string, n int, f func(client string, record []byte) error,
) (more bool, err error) {
	prefix, from := groupKey(vendor, ""), groupKey(vendor, after)
	if after != "" {
		from = append(from, 0) // the first key beyond it
	}
	err = s.st.ScanFrom(store.TableVendors, prefix, from, func(k, p []byte) error {
		if more = n == 0; more {
			return store.ErrStop
		}
		n--
		return f(string(k[len(prefix):]), p)
	})
	return more, err
}
