package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The matrix says who may do what: a row for every call of the public port, a column for
// every caller. A call without a row fails the test, so that none is added without a
// thought about who may make it.
//
// The cast: v is a vendor, with the client ann, who consents to tickets, and the account
// made, which it created. bob is nobody's client. w is another vendor.
var matrixColumns = []string{
	"nobody", // no credential
	"client", // ann's bearer
	"other",  // bob's bearer
	"vendor", // v's bearer
	"key",    // v's key with all scopes
	"less",   // v's key with all scopes but those that the call wants; - = there is none
	"rival",  // w's bearer
	"rivals", // w's key with all scopes
}

// A matrixRow is a call, as it is made, and the status that each column is answered. What
// is told apart from 401, 403 and 404 need not be success: the call was let through.
type matrixRow struct {
	path string // variable parts filled in; empty = as the route says
	body string
	want string
}

// matrixRows are by method and path of the route. Of a route whose answer depends on who
// or what is in its path there are several.
var matrixRows = map[string][]matrixRow{
	"POST /api/v1/users/register":  {{"", `{}`, "422 422 422 422 422 422 422 422"}},
	"POST /api/v1/users/login":     {{"", `{}`, "422 422 422 422 422 422 422 422"}},
	"POST /api/v1/token":           {{"", `{}`, "422 422 422 422 422 422 422 422"}},
	"POST /api/v1/users/refresh":   {{"", `{}`, "422 422 422 422 422 422 422 422"}},
	"POST /api/v1/users/logout":    {{"", "", "401 200 200 200 403 403 200 403"}},
	"PUT /api/v1/users/password":   {{"", `{}`, "401 422 422 422 403 403 422 403"}},
	"DELETE /api/v1/users/me":      {{"", `{}`, "401 422 422 422 403 403 422 403"}},
	"GET /api/v1/sessions":         {{"", "", "401 200 200 200 403 403 200 403"}},
	"DELETE /api/v1/sessions/{id}": {{"/api/v1/sessions/9", "", "401 404 404 404 403 403 404 403"}},
	"POST /api/v1/stream/ticket":   {{"", "", "401 200 200 200 403 403 200 403"}},
	"POST /ws/token":               {{"", "", "401 200 200 200 403 403 200 403"}},
	"GET /api/v1/tokens":           {{"", "", "401 200 200 200 403 403 200 403"}},
	"GET /api/v1/ticks/{token...}": {{"/api/v1/ticks/X", "", "401 404 404 404 403 403 404 403"}},
	"GET /api/v1/latency":          {{"", "", "401 200 200 200 403 403 200 403"}},
	"GET /api/v1/presence/{client...}": {
		{"/api/v1/presence/ann", "", "401 200 404 200 200 403 404 404"},
		{"/api/v1/presence/v", "", "401 404 404 200 200 403 404 404"},
		{"/api/v1/presence/none", "", "401 404 404 404 404 403 404 404"}},
	"GET /api/v1/vendors/{vendor}/presence": {
		{ofV + "/presence", "", "401 404 404 200 200 403 404 404"},
		{"/api/v1/vendors/none/presence", "", "401 404 404 404 404 403 404 404"}},
	"GET /api/v1/stream":             {{"", "", "401 426 426 426 403 403 426 403"}},
	"GET /api/trigger/ws/{username}": {{"/api/trigger/ws/ann", "", "401 426 403 403 403 403 403 403"}},
	"POST /api/v1/messages": {
		{"", `{"username":"ann","content":"x"}`, "401 202 403 202 202 403 403 403"},
		{"", `{"username":"v","content":"x"}`, "401 403 403 202 403 403 403 403"},
		{"", `{"username":"bob","content":"x"}`, "401 403 202 403 403 403 403 403"},
		{"", `{"username":"none","content":"x"}`, "401 403 403 403 403 403 403 403"}},
	"POST /message": {{"", `{"username":"ann","content":"x"}`, "401 200 403 200 200 403 403 403"}},
	"POST /api/v1/vendors/{vendor}/messages": {
		{ofV + "/messages", `{"to":"*","content":"x"}`, "401 404 404 202 202 403 404 404"},
		{ofV + "/messages", `{"to":["ann","made"],"content":"x"}`, "401 404 404 202 202 403 404 404"},
		{ofV + "/messages", `{"to":["ann","bob"],"content":"x"}`, "401 404 404 403 403 403 404 404"}},
	"GET /api/v1/messages":              {{"", "", "401 200 200 200 403 403 200 403"}},
	"POST /api/v1/messages/ack":         {{"", `{}`, "401 422 422 422 403 403 422 403"}},
	"GET /api/v1/users/delivery":        {{"", "", "401 200 200 200 403 403 200 403"}},
	"PUT /api/v1/users/delivery":        {{"", `{}`, "401 422 422 422 403 403 422 403"}},
	"GET /ws":                           {{"", "", "401 426 426 426 403 403 426 403"}},
	"GET /healthcheck":                  {{"", "", "200 200 200 200 200 200 200 200"}},
	"GET /openapi.json":                 {{"", "", "200 200 200 200 200 200 200 200"}},
	"GET /asyncapi.json":                {{"", "", "200 200 200 200 200 200 200 200"}},
	"GET /api/v1/vendors":               {{"", "", "401 200 200 200 403 403 200 403"}},
	"GET /api/v1/vendors/{vendor}":      {{ofV, "", "401 404 404 200 200 - 404 404"}},
	"GET /api/v1/vendors/{vendor}/keys": {{ofV + "/keys", "", "401 404 404 200 403 403 404 403"}},
	"POST /api/v1/vendors/{vendor}/keys": {
		{ofV + "/keys", `{}`, "401 404 404 422 403 403 404 403"}},
	"DELETE /api/v1/vendors/{vendor}/keys/{id}": {
		{ofV + "/keys/KEY", "", "401 404 404 200 403 403 404 403"}},
	"GET /api/v1/vendors/{vendor}/clients": {
		{ofV + "/clients", "", "401 404 404 200 200 403 404 404"}},
	"POST /api/v1/vendors/{vendor}/clients": {
		{ofV + "/clients", `{}`, "401 404 404 422 422 403 404 404"}},
	"PUT /api/v1/vendors/{vendor}/clients/{client}": {
		{ofV + "/clients/ann", "", "401 200 404 404 403 403 404 403"},
		{ofV + "/clients/none", "", "401 404 404 404 403 403 404 403"},
		{"/api/v1/vendors/none/clients/ann", "", "401 404 404 404 403 403 404 403"},
		{"/api/v1/vendors/bob/clients/ann", "", "401 404 404 404 403 403 404 403"}},
	"DELETE /api/v1/vendors/{vendor}/clients/{client}": {
		{ofV + "/clients/ann", "", "401 200 404 200 200 403 404 404"},
		{ofV + "/clients/bob", "", "401 404 404 404 404 403 404 404"},
		{ofV + "/clients/none", "", "401 404 404 404 404 403 404 404"}},
	"POST /api/v1/vendors/{vendor}/clients/{client}/disable": {
		{ofV + "/clients/made/disable", "", "401 404 404 200 200 403 404 404"},
		{ofV + "/clients/ann/disable", "", "401 404 404 403 403 403 404 404"},
		{ofV + "/clients/bob/disable", "", "401 404 404 404 404 403 404 404"},
		{ofV + "/clients/none/disable", "", "401 404 404 404 404 403 404 404"}},
	"POST /api/v1/vendors/{vendor}/clients/{client}/enable": {
		{ofV + "/clients/made/enable", "", "401 404 404 200 200 403 404 404"},
		{ofV + "/clients/ann/enable", "", "401 404 404 403 403 403 404 404"},
		{ofV + "/clients/bob/enable", "", "401 404 404 404 404 403 404 404"}},
	"POST /api/v1/vendors/{vendor}/clients/{client}/ticket": {
		{ofV + "/clients/made/ticket", "", "401 404 404 200 200 403 404 404"},
		{ofV + "/clients/ann/ticket", "", "401 404 404 200 200 403 404 404"},
		{ofV + "/clients/bob/ticket", "", "401 404 404 404 404 403 404 404"},
		{ofV + "/clients/none/ticket", "", "401 404 404 404 404 403 404 404"}},
}

const ofV = "/api/v1/vendors/v"

// matrixBefore makes what a call takes away there again.
var matrixBefore = map[string]func(c *cast){
	"DELETE /api/v1/vendors/{vendor}/keys/{id}":              (*cast).spareKey,
	"DELETE /api/v1/vendors/{vendor}/clients/{client}":       (*cast).annJoins,
	"POST /api/v1/vendors/{vendor}/clients/{client}/ticket":  (*cast).annJoins,
	"POST /api/v1/vendors/{vendor}/clients/{client}/disable": (*cast).annJoins,
	"POST /api/v1/users/logout":                              (*cast).logIn,
}

// A cast is a server with everybody of the matrix.
type cast struct {
	*running
	document
	bearers map[string]string // by name
	keys    map[access]string // v's, by what it lacks
	whole   string            // v's that lacks nothing
	rivals  string            // w's key
	spare   string            // id of one of v's keys that nobody needs
}

func newCast(t *testing.T) *cast {
	c := &cast{running: start(t, func(c *Config) { c.AdminToken = matrixToken }),
		document: loadDocument(t, openAPIText), bearers: map[string]string{}, keys: map[access]string{}}
	for _, name := range []string{"ann", "bob", "v", "w"} {
		c.account(name)
	}
	c.logIn()
	for _, name := range []string{"v", "w"} {
		c.operator(200, "PUT", "/api/v1/vendors/"+name, "")
	}
	c.must(200, c.call("POST", ofV+"/clients", `{"username":"made"}`, as(c.bearers["v"])...))
	c.annJoins()
	for _, ro := range routes {
		if _, there := c.keys[ro.needs]; !there {
			c.keys[ro.needs] = c.newKey("v", byKey&^ro.needs)
		}
	}
	c.whole = c.newKey("v", byKey)
	c.rivals = c.newKey("w", byKey)
	return c
}

const matrixToken = "0123456789abcdef"

func (c *cast) must(want int, r reply) reply {
	c.t.Helper()
	if r.StatusCode != want {
		c.t.Fatalf("%s %s: %d %s", r.Request.Method, r.Request.URL, r.StatusCode, r.body)
	}
	return r
}

func (c *cast) operator(want int, method, path, body string) reply {
	c.t.Helper()
	return c.must(want, c.callAt("http://"+c.addrs.Admin, method, path, body, as(matrixToken)...))
}

func (c *cast) logIn() {
	for _, name := range []string{"ann", "bob", "v", "w"} {
		c.bearers[name] = c.login(name)
	}
}

func (c *cast) annJoins() {
	c.operator(200, "PUT", ofV+"/clients/ann", `{"tickets":true}`)
	c.operator(200, "POST", "/api/v1/users/made/enable", "")
}

func (c *cast) spareKey() {
	r := c.call("POST", ofV+"/keys", `{"label":"","scopes":["send"]}`, as(c.bearers["v"])...)
	c.spare = c.must(200, r).text("id")
}

// newKey makes a key with the scopes in an access; empty if there are none.
func (c *cast) newKey(vendor string, a access) string {
	c.t.Helper()
	var names []string
	for name, s := range map[string]access{"send": bySend, "clients": byClients,
		"tickets": byTickets, "presence": byPresence} {
		if a&s&^byBearer != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	r := c.call("POST", "/api/v1/vendors/"+vendor+"/keys",
		map[string]any{"label": "matrix", "scopes": names}, as(c.bearers[vendor])...)
	return c.must(200, r).text("key")
}

// as are the headers of a column.
func (c *cast) as(column string, ro *route) []string {
	switch column {
	case "client":
		return as(c.bearers["ann"])
	case "other":
		return as(c.bearers["bob"])
	case "vendor":
		return as(c.bearers["v"])
	case "key":
		return as(c.whole)
	case "less":
		return as(c.keys[ro.needs])
	case "rival":
		return as(c.bearers["w"])
	case "rivals":
		return as(c.rivals)
	}
	return nil
}

func TestAuthorisationMatrix(t *testing.T) {
	c := newCast(t)
	named := map[string]bool{}
	for i := range routes {
		ro := &routes[i]
		name := ro.method + " " + ro.path
		named[name] = true
		if matrixRows[name] == nil {
			t.Errorf("%s has no row", name)
		}
		for _, row := range matrixRows[name] {
			c.row(name, ro, row)
		}
	}
	for name := range matrixRows {
		if !named[name] {
			t.Errorf("%s is no route", name)
		}
	}
	if strings.Contains(c.log.String(), "azk_") {
		t.Error("an API key is in the log")
	}
}

// row makes the call of a row as each column does.
func (c *cast) row(name string, ro *route, row matrixRow) {
	c.t.Helper()
	wants := strings.Fields(row.want)
	if len(wants) != len(matrixColumns) {
		c.t.Fatalf("%s: %d columns", name, len(wants))
	}
	var hidden string // what is said of what does not exist
	for i, column := range matrixColumns {
		if wants[i] == "-" {
			continue
		}
		if before := matrixBefore[name]; before != nil {
			before(c)
		}
		path := row.path
		if path == "" {
			path = ro.path
		}
		path = strings.Replace(path, "KEY", c.spare, 1)
		var body any
		if row.body != "" {
			body = row.body
		}
		r := c.call(ro.method, path, body, c.as(column, ro)...)
		if fmt.Sprint(r.StatusCode) != wants[i] {
			c.t.Errorf("%s %s as %s: %d, want %s: %s", ro.method, path, column,
				r.StatusCode, wants[i], r.body)
		}
		if err := c.check(ro.method, strings.ReplaceAll(ro.path, "...}", "}"), r); err != nil {
			c.t.Errorf("%s %s as %s: %d: %v", ro.method, path, column, r.StatusCode, err)
		}
		if r.StatusCode != 404 || !strings.HasPrefix(path, ofV) {
			continue
		}
		if hidden == "" {
			hidden = string(r.body)
		}
		if string(r.body) != hidden || hidden != `{"detail":"Not Found"}` {
			c.t.Errorf("%s %s as %s: %s tells more than %s", ro.method, path, column, r.body, hidden)
		}
	}
}

// The admin port's calls are for who has its token, and nobody else's credential is one.
// The public port has none of them beyond its own.
func TestAuthorisationOfOperators(t *testing.T) {
	c := newCast(t)
	body := map[string]string{"PUT /api/v1/users/{name}/limits": `{"streams":null}`,
		"PUT /api/v1/users/{name}/password": `{"password":"` + goodPassword + `"}`}
	// What ends an account or a vendor comes last.
	last := []string{"DELETE /api/v1/users/{name}", "DELETE /api/v1/vendors/{name}"}
	calls := (&operator{}).calls()
	for _, pattern := range slices.Sorted(maps.Keys(calls)) {
		if slices.Contains(last, pattern) {
			continue
		}
		c.operators(pattern, body[pattern])
	}
	for _, pattern := range last {
		c.operators(pattern, "")
	}
}

// operators makes a call of the admin port as everybody, and last as an operator.
func (c *cast) operators(pattern, body string) {
	c.t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	name := "ann"
	if strings.Contains(path, "vendors") {
		name = "v"
	}
	path = strings.NewReplacer("{name}", name, "{client}", "ann").Replace(path)
	for _, headers := range [][]string{nil, as(c.bearers["ann"]), as(c.bearers["v"]), as(c.whole)} {
		r := c.callAt("http://"+c.addrs.Admin, method, path, body, headers...)
		if r.StatusCode != 401 {
			c.t.Errorf("%s without the token: %d %s", pattern, r.StatusCode, r.body)
		}
	}
	for _, headers := range [][]string{nil, as(matrixToken)} {
		r := c.call(method, path, body, headers...)
		if r.StatusCode != 401 && r.StatusCode != 404 && r.StatusCode != 405 {
			c.t.Errorf("%s at the public port: %d %s", pattern, r.StatusCode, r.body)
		}
	}
	c.operator(200, method, path, body)
}
