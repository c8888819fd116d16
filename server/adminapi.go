package server

import (
	_ "embed"
	"net/http"
)

// adminAPIText describes the admin port, as openAPIText does the public one. A test holds
// it to what that port serves.
//
//go:embed adminapi.json
var adminAPIText []byte

func (a *admin) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(adminAPIText)
}
