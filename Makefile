# Azira. Everything is plain Go; `make` alone lists the targets.
#
#   make run ARGS='--rate 2000'          flags of the command
#   make test PKG=./engine/...           some packages only
#   make fuzz FUZZTIME=5m PKG=./proto    longer, and one package
#   make bench BENCH=Intake PKG=./feed   some benchmarks only
#   make soak-server SOAKTIME=60s        while working on it

GO       ?= go
GO_MIN   := 1.26
PKG      ?= ./...
ARGS     ?=
FUZZTIME ?= 10s
BENCH    ?= .
SOAKTIME ?= 1h

# Without cgo everything builds alike with and without a C compiler, and quicker.
# Only the race detector needs one.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help run build test check vet race tidy mod cross fuzz fuzz-seeds bench \
	soak soak-server soak-engine conformance peers peers-test screenshot clean need-go need-cc

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: build ## build, then server and simulated feed in one process, with a live table
# Job control makes the demo the terminal's foreground, so that Ctrl-C ends it alone:
# make would die of the signal with an error.
	@if [ -t 0 ]; then set -m; fi; ./bin/azira demo $(ARGS); exit $$?

build: need-go ## build ./bin/azira
	$(GO) build -o bin/azira ./cmd/azira

test: vet ## vet, gofmt, and every test (under 4 minutes on 2 cores)
	$(GO) test -p 3 -timeout 4m $(PKG)

check: test race tidy cross mod fuzz-seeds ## the one door before a change goes in: all but fuzz, bench, soak
	@echo 'check: all is well'

vet: need-go ## go vet and gofmt alone
	$(GO) vet $(PKG)
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "gofmt would change: $$bad" >&2; exit 1; fi

race: need-go need-cc ## every test under the race detector, which also turns invariants on
	CGO_ENABLED=1 $(GO) test -race -p 2 -timeout 8m $(PKG)

tidy: need-go ## the style of the tree: imports point down, lengths, links (internal/tidy)
	$(GO) test -count 1 ./internal/tidy

mod: need-go ## go.mod and go.sum are complete, and the modules are what they say
	$(GO) mod verify
	$(GO) mod tidy -diff

cross: need-go ## build and vet for the other machines it is to run on
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/azira
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/azira
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...

# go test takes one fuzz target at a time.
fuzz: need-go ## fuzz each target for FUZZTIME (10s)
	@for dir in $$($(GO) list -f '{{.Dir}}' $(PKG)); do \
		for name in $$(cat $$dir/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do \
			echo "== $$name in $$dir"; \
			(cd $$dir && $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) .) || exit 1; \
		done; \
	done

fuzz-seeds: need-go ## what fuzzing found before, with invariants on
	$(GO) test -tags invariants -run '^Fuzz' $(PKG)

bench: need-go ## Go benchmarks with allocations (BENCH=pattern); `azira bench` measures the whole
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

soak: soak-server soak-engine ## both long tests, an hour and a quarter

soak-server: need-go ## the real server under storm, churn, slow clients, feed restarts for SOAKTIME (1h)
	AZIRA_SOAK=$(SOAKTIME) $(GO) test -count 1 -run Soak -v -timeout 0 ./internal/soak

soak-engine: need-go ## the engine's chaos for 10 minutes, with one stream stalled for 5
	AZIRA_SOAK=5m $(GO) test -count 1 -run Soak -v -timeout 30m ./engine

conformance: need-go ## RFC 6455 at the border: raw frames against /debug/echo, and other programs' clients
	$(GO) test -count 1 -v -run 'Conformance' ./server
	$(GO) test -count 1 -v -run 'Interop' ./cmd/azira

# The peers are a module of their own: the product's go.mod knows nothing of them.
peers: need-go ## build ./bin/peers, what Azira is measured beside, and say what is missing
	cd bench/peers && $(GO) build -o ../../bin/peers .
	@./bin/peers list

peers-test: need-go ## vet and test that module; a peer that is not installed is skipped
	cd bench/peers && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) test -timeout 1m ./...

screenshot: build ## docs/console.png anew, with node and chromium
	AZIRA_BIN=$(CURDIR)/bin/azira node --experimental-websocket web/test/screenshot.js

clean: ## remove what was built; azira-data stays
	rm -rf bin

need-go:
	@command -v $(GO) >/dev/null || \
		{ echo 'azira needs Go $(GO_MIN) or later, and there is no go in PATH: see go.dev/dl' >&2; exit 1; }
	@v=$$($(GO) env GOVERSION 2>&1) || { echo "azira needs Go $(GO_MIN) or later: $$v" >&2; exit 1; }; \
	m=$${v#go1.}; m=$${m%%[!0-9]*}; \
	case "$$v" in go1.*) [ "$${m:-0}" -ge $(GO_MIN:1.%=%) ] ;; *) true ;; esac || \
		{ echo "azira needs Go $(GO_MIN) or later, this is $$v: see go.dev/dl" >&2; exit 1; }

need-cc:
	@cc=$$($(GO) env CC); command -v $${cc%% *} >/dev/null || \
		{ echo "the race detector needs a C compiler ($$cc; Debian: gcc libc6-dev)" >&2; exit 1; }
