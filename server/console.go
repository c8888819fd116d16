package server

import (
	"net/http"
	"strings"
	"time"

	"azira/web"
)

// consoleRoutes are the pages for people at the public port. They are no part of the
// API, and so not in openapi.json.
var consoleRoutes = []route{
	{"GET", "/", noCredential, (*public).index},
	{"GET", consolePath + "{file...}", noCredential, (*public).consoleFile},
}

const consolePath = "/console/"

func (p *public) index(r *request) answer {
	f, _ := web.Find(web.Index)
	return fileAnswer(f, r.Header)
}

func (p *public) consoleFile(r *request) answer {
	if f, ok := web.Find(r.param); ok && !isPage(r.param) {
		return fileAnswer(f, r.Header)
	}
	return detail(http.StatusNotFound, "Not Found")
}

// isPage says whether a file is a page: each is the root of its own port only.
func isPage(name string) bool { return name == web.Index || name == web.Operator }

// fileAnswer answers with a file of the console. Browsers keep it, and ask each time whether
// it is still the same, so that a page never runs with the modules of another version.
func fileAnswer(f web.File, h http.Header) answer {
	a := answer{status: http.StatusOK, body: f.Body, packed: f.Packed, kind: f.Type}
	if knows(h, f.Tag) {
		a = answer{status: http.StatusNotModified, kind: f.Type}
	}
	return a.with("ETag", f.Tag).with("Cache-Control", "no-cache").
		with("Content-Security-Policy", web.Policy).
		with("Cross-Origin-Opener-Policy", "same-origin").
		with("Cross-Origin-Resource-Policy", "same-origin")
}

// knows reads If-None-Match (RFC 9110 §13.1.2), whose comparison is the weak one.
func knows(h http.Header, tag string) bool {
	for _, item := range splitList(h["If-None-Match"]) {
		if item == "*" || strings.TrimPrefix(item, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// pages adds the operator's page to the admin port. It holds nothing that is not in
// everybody's copy of the program, so that it may come before the bearer that a browser
// can't send by itself: the page asks for it and shows it with each look at /status.
func (a *admin) pages() {
	show := func(name func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			protect(w.Header(), &request{Request: r, w: w, since: began})
			if f, ok := web.Find(name(r)); ok {
				fileAnswer(f, r.Header).send(w, r, began)
				return
			}
			detail(http.StatusNotFound, "Not Found").send(w, r, began)
		}
	}
	a.open.HandleFunc("GET /{$}", show(func(*http.Request) string { return web.Operator }))
	a.open.HandleFunc("GET "+consolePath+"{file...}", show(func(r *http.Request) string {
		if name := r.PathValue("file"); !isPage(name) {
			return name
		}
		return ""
	}))
}
