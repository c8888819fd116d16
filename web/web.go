// Package web is the console: the pages that the ports show to people, whole and as
// they are served. There is no build step; what lies here is what browsers get.
//
//	/                    index.html, at the public port
//	                     operator.html, at the admin port
//	/console/NAME        style sheets and modules of console/
//	/console/client/NAME the JavaScript client, of client/js
//
// Pages run under Policy: nothing comes from elsewhere, nothing is inline, and text
// never becomes markup.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"sync"

	"azira/client/js"
)

// Names of the two pages.
const (
	Index    = "index.html"
	Operator = "operator.html"
)

// Policy is the Content-Security-Policy of the pages. Trusted types without a policy
// take the sinks away through which text could become markup.
const Policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; " +
	"object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed index.html operator.html console
var files embed.FS

// A File is one that is served.
type File struct {
	Body   []byte
	Packed []byte // Body, by gzip
	Type   string // Content-Type
	Tag    string // ETag: weak, since it is that of both forms
}

// types are those of the files that are served, by extension; others are not served.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Find gives a file by its name: that of a page, or what follows /console/ in a path.
// It may be called from any goroutine.
func Find(name string) (File, bool) {
	f, ok := all()[name]
	return f, ok
}

var all = sync.OnceValue(func() map[string]File {
	found := map[string]File{}
	gather(found, files, ".", "")
	console, err := fs.Sub(files, "console")
	if err != nil {
		panic("web: " + err.Error())
	}
	gather(found, console, ".", "")
	gather(found, js.Files, ".", "client/")
	return found
})

// gather puts the files that lie directly in dir into found, under prefix.
func gather(found map[string]File, from fs.FS, dir, prefix string) {
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		panic("web: " + err.Error()) // they are in the program
	}
	for _, e := range entries {
		kind, served := types[path.Ext(e.Name())]
		if e.IsDir() || !served {
			continue
		}
		body, err := fs.ReadFile(from, path.Join(dir, e.Name()))
		if err != nil {
			panic("web: " + err.Error())
		}
		sum := sha256.Sum256(body)
		found[prefix+e.Name()] = File{Body: body, Packed: pack(body), Type: kind,
			Tag: `W/"` + hex.EncodeToString(sum[:12]) + `"`}
	}
}

func pack(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails on a bad level only
	_, _ = z.Write(body)                                  // a Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}
