// Package js is the JavaScript client as it lies here, for programs that serve it to
// pages: azira's console takes it from this package.
package js

import "embed"

// Files are the modules, index.js first of all; its tests are not among them.
//
//go:embed *.js
var Files embed.FS
