// Package tidy holds the project to its own style: a test reads every file of
// the module and names each place that breaks a rule, as file:line: message.
//
//	imports_test.go   imports point down; a third-party module in two files, and documented
//	shape_test.go     lengths of files, functions and lines; gofmt; package comments; receivers
//	words_test.go     no leftovers, no paths of one machine, no dead links in the documents
//
// Every rule is itself tested on a small tree that breaks it. The rules are
// test files: nothing of this is built into azira.
package tidy
