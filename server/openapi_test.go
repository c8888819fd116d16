package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOpenAPIKnowsEveryRoute(t *testing.T) {
	d := loadDocument(t, openAPIText)
	var served, described []string
	for _, ro := range routes {
		served = append(served, ro.method+" "+strings.Replace(ro.path, "...}", "}", 1))
		op := dig(d["paths"], strings.Replace(ro.path, "...}", "}", 1), strings.ToLower(ro.method))
		_, asks := dig(op, "security").([]any)
		if ro.needs != noCredential && !asks {
			t.Errorf("%s %s: the document asks for no bearer", ro.method, ro.path)
		}
	}
	for path, item := range d["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("served    %q\ndescribed %q", served, described)
	}
}

// Answers of the real handlers have the status and form that the document says.
func TestOpenAPIDescribesTheAnswers(t *testing.T) {
	d := loadDocument(t, openAPIText)
	s := start(t)
	bearer := s.account("ann")
	s.open("/api/v1/stream", bearer)
	eventually(t, "the stream is listed", func() bool { return s.streams(bearer) == 1 })
	pair := s.call("POST", "/api/v1/token", credentials("ann", goodPassword))
	refresh := map[string]string{"refresh_token": pair.text("refresh_token")}
	good, bad, auth := credentials("bob", goodPassword), credentials("ann", "wrong wrong"), as(bearer)
	for _, tc := range []struct {
		method, path, where string
		body                any
		headers             []string
		status              int
	}{
		{"POST", "/api/v1/users/register", "", good, nil, 200},
		{"POST", "/api/v1/users/register", "", good, nil, 400},
		{"POST", "/api/v1/users/register", "", "{}", nil, 422},
		{"POST", "/api/v1/users/register", "", "{}", []string{"Content-Type", "a/b"}, 415},
		{"POST", "/api/v1/users/login", "", good, nil, 200},
		{"POST", "/api/v1/users/login", "", bad, nil, 400},
		{"POST", "/api/v1/users/login", "", strings.Repeat(" ", bodyBytesMax+1), nil, 413},
		{"POST", "/api/v1/token", "", good, nil, 200},
		{"POST", "/api/v1/token", "", bad, nil, 400},
		{"POST", "/api/v1/token", "", `{"username":1}`, nil, 422},
		{"POST", "/api/v1/users/refresh", "", refresh, nil, 200},
		{"POST", "/api/v1/users/refresh", "", refresh, nil, 401},
		{"GET", "/api/v1/sessions", "", nil, auth, 200},
		{"GET", "/api/v1/sessions", "", nil, nil, 401},
		{"DELETE", "/api/v1/sessions/999", "/api/v1/sessions/{id}", nil, auth, 404},
		{"DELETE", "/api/v1/sessions/1", "/api/v1/sessions/{id}", nil, auth, 200},
		{"POST", "/api/v1/stream/ticket", "", nil, auth, 200},
		{"POST", "/ws/token", "", nil, auth, 200},
		{"GET", "/api/v1/tokens", "", nil, auth, 200},
		{"GET", "/api/v1/ticks/X", "/api/v1/ticks/{token}", nil, auth, 404},
		{"GET", "/api/v1/stream", "", nil, nil, 401},
		{"GET", "/api/v1/stream", "", nil, auth, 426},
		{"GET", "/api/trigger/ws/bob", "/api/trigger/ws/{username}", nil, auth, 403},
		{"GET", "/healthcheck", "", nil, nil, 200},
		{"GET", "/openapi.json", "", nil, nil, 200},
		{"GET", "/asyncapi.json", "", nil, nil, 200},
		{"GET", "/api/v1/stream?hb_ms=1", "/api/v1/stream", nil, upgrading(auth), 422},
		{"PUT", "/api/v1/users/password", "", `{"old_password":"x","new_password":"y"}`, auth, 422},
		{"DELETE", "/api/v1/users/me", "", `{"password":"wrong"}`, auth, 400},
		{"POST", "/api/v1/users/logout", "", nil, auth, 200},
		{"DELETE", "/api/v1/users/me", "", `{"password":"wrong"}`, auth, 401},
	} {
		if tc.where == "" {
			tc.where = tc.path
		}
		r := s.call(tc.method, tc.path, tc.body, tc.headers...)
		if r.StatusCode != tc.status {
			t.Errorf("%s %s: %d, want %d: %.200s", tc.method, tc.path, r.StatusCode, tc.status, r.body)
			continue
		}
		if err := d.check(tc.method, tc.where, r); err != nil {
			t.Errorf("%s %s: %d: %v: %.200s", tc.method, tc.path, r.StatusCode, err, r.body)
		}
	}
}

// check holds an answer to the document.
func (d document) check(method, path string, r reply) error {
	described := dig(d["paths"], path, strings.ToLower(method), "responses",
		strconv.Itoa(r.StatusCode))
	if described == nil {
		return fmt.Errorf("status not described")
	}
	kind := contentType(r.Header)
	schema := dig(described, "content", kind, "schema")
	if schema == nil {
		return fmt.Errorf("content type %q not described", kind)
	}
	if kind != "application/json" {
		return d.fits(schema, string(r.body), "body")
	}
	return d.fits(schema, r.json, "body")
}
