package server

import (
	_ "embed"
	"net/http"
)

// openAPIText describes the public port. It is written by hand; a test holds
// it to the table of routes and to what the handlers really answer.
//
//go:embed openapi.json
var openAPIText []byte

func (p *public) openAPI(*request) answer {
	return answer{status: http.StatusOK, body: openAPIText}
}

// asyncAPIText describes the streams: every request and event of every dialect. A
// test holds it to what real streams say.
//
//go:embed asyncapi.json
var asyncAPIText []byte

func (p *public) asyncAPI(*request) answer {
	return answer{status: http.StatusOK, body: asyncAPIText}
}
