package server

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A rateField takes N/s, N/m, N/h, or off.
type rateField struct{ at *rate }

func (f rateField) kind() kind { return kindText }

func (f rateField) Set(s string) error {
	if s == "off" {
		*f.at = rate{}
		return nil
	}
	count, unit, _ := strings.Cut(s, "/")
	per, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.ParseUint(count, 10, 32)
	if err != nil || !ok || n == 0 || n > rateMax {
		return errRate
	}
	*f.at = rate{int(n), per}
	return nil
}

// A prefixField takes networks as addresses with a length; an address alone is one of one.
type prefixField struct{ at *prefixes }

func (f prefixField) kind() kind { return kindList }

func (f prefixField) Set(s string) error {
	var all prefixes
	for _, item := range strings.Split(s, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		p, err := parsePrefix(item)
		if err != nil {
			return errPrefix
		}
		all = append(all, p)
	}
	*f.at = all
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}
