package server

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// counts are of the answers of the public port: by route and status, and by how long
// they took. What is no route's own counts under "other".
//
// The routes are fixed; the methods may be called from any goroutine.
type counts struct {
	rows  map[string]*countsRow // by path
	other countsRow
	took  [len(tookBounds) + 1]atomic.Uint64
	sum   atomic.Int64 // ns
}

type countsRow [len(countedCodes) + 1]atomic.Uint64

// countedCodes are the statuses that count apart; others count under the last.
var countedCodes = [...]int{
	101, 200, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 426, 429, 500, 503,
}

// tookBounds are the upper bounds of the histogram of answers, in seconds.
var tookBounds = [...]float64{5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1, 5e-1, 1, 5}

func newCounts(table []route) *counts {
	c := &counts{rows: make(map[string]*countsRow, len(table))}
	for _, ro := range table {
		c.rows[ro.path] = &countsRow{}
	}
	return c
}

// note counts an answer to a request for a route; path is empty if it is for none.
func (c *counts) note(path string, status int, took time.Duration) {
	row := c.rows[path]
	if row == nil {
		row = &c.other
	}
	i := slices.Index(countedCodes[:], status)
	if i < 0 {
		i = len(countedCodes)
	}
	row[i].Add(1)
	k, _ := slices.BinarySearch(tookBounds[:], took.Seconds())
	c.took[k].Add(1)
	c.sum.Add(int64(took))
}

// each calls f for every route and status that was answered, and for the faults of each
// route, none of them too: a rule sees a counter grow, not begin. Code 0 is any other.
func (c *counts) each(f func(path string, code int, n uint64)) {
	row := func(path string, r *countsRow) {
		for i := range r {
			n, code := r[i].Load(), 0
			if i < len(countedCodes) {
				code = countedCodes[i]
			}
			if n > 0 || code == http.StatusInternalServerError {
				f(path, code, n)
			}
		}
	}
	for path, r := range c.rows {
		row(path, r)
	}
	row("other", &c.other)
}

// histogram is how long answers took, and their number.
func (c *counts) histogram() (h histogram) {
	h.bounds, h.sum = tookBounds[:], time.Duration(c.sum.Load()).Seconds()
	for i := range c.took {
		h.counts = append(h.counts, c.took[i].Load())
	}
	return h
}
