# Portico's tasks. `make` alone lists them; the longer ones are scripts in Scripts/.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=

# A program that runs on machines without Swift: the standard library is in it; libuv, libyaml, zlib and libc are not.
# Functions of the same code, of which specialized generics make many, are in it once. Nobody loads it as a library, so it
# exports no names; and what was there only for them is left out.
RELEASE_FLAGS := -c release --static-swift-stdlib --product portico -Xlinker --icf=safe -Xlinker --no-export-dynamic
RELEASE = .build/release/portico
DIST := dist
# As the caller of sudo, not as root; and with the same flags on a terminal and in a pipe, or each would build anew what the other
# has built.
CALLER := Scripts/as-caller.sh
SWIFT_BUILD = $(CALLER) $(SWIFT) build --no-color-diagnostics
SWIFT_SOURCES := Package.swift Sources Tests Scripts
SHELL_SCRIPTS := $(wildcard Scripts/*.sh) .ci/run Tests/NodeTests/container.sh $(addprefix Examples/three-node-cluster/,cluster walk.sh walk-through walk-through-iptables)

export SWIFT

.DEFAULT_GOAL := help
.PHONY: help dev dev-check size lab build debug test test-optimized test-sanitizers fuzz mutants soak scale lint format man completions install deb deploy-check metrics-check clean toolchain needs-build needs-test

help: ## List the tasks
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: build ## Build, and run the example until Ctrl-C
	@$(RELEASE) dev --demo-pods -f Examples/my-service

test: needs-test ## Build, and run every test
	@Scripts/test.sh

dev-check: build ## Run the example, ask it a few times and end it
	@Scripts/dev-check.sh $(RELEASE)

size: build ## See that the program without symbols is not larger than it may be
	@Scripts/check-size.sh $(RELEASE)

MODE ?= userspace

lab: build ## Walk through a cluster of three nodes in network namespaces; needs root; MODE=iptables has the kernel carry
	@Scripts/require-packages.sh lab
	@Examples/three-node-cluster/walk-through $(MODE)

build: needs-build ## Build the program in release mode
	$(SWIFT_BUILD) $(RELEASE_FLAGS)

debug: needs-build ## Build everything, tests too, in debug mode
	@$(CALLER) Scripts/build-tests.sh

# What is allocated where only shows once the optimizer has been at work.
test-optimized: needs-test ## Build in release mode, and run the tests that are about what the optimizer leaves
	$(CALLER) env PORTICO_TESTS=RelayTests,ProxyTests $(SWIFT) test -c release -Xswiftc -enable-testing --scratch-path .build-optimized \
		--disable-xctest --test-product porticoPackageTests --filter AllocationTests

lint: toolchain ## Check formatting, scripts, and what documents point to
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_SOURCES)
	@for script in $(SHELL_SCRIPTS); do bash -n "$$script" || exit 1; done
	@if command -v shellcheck > /dev/null; then shellcheck -x $(SHELL_SCRIPTS); fi
	@Scripts/check-docs.sh
	@$(SWIFT) Scripts/mutants.swift --check

format: toolchain ## Format the Swift sources in place
	$(SWIFT) format --in-place --recursive --parallel $(SWIFT_SOURCES)

test-sanitizers: needs-test ## Run the tests of the data plane under the thread and address sanitizers
	@Scripts/test-sanitizers.sh

fuzz: needs-build ## Fuzz what reads bytes of others: 1,000,000 inputs each, or SECONDS=5 each, or TARGET=dns alone
	@$(CALLER) Scripts/fuzz.sh $(if $(SECONDS),--seconds $(SECONDS)) $(TARGET)

mutants: needs-test ## Take guards out of the code one at a time (Tests/Mutants), and see that tests notice; or LIST=relay alone
	@trap 'Scripts/hand-back.sh .build-mutants' EXIT; $(SWIFT) Scripts/mutants.swift $(LIST)

MINUTES ?= 30

soak: build ## Load the program with everything at once for MINUTES=30, and see what grows or gets lost; needs root
	@Scripts/require-packages.sh lab
	$(SWIFT_BUILD) --package-path Benchmarks -c release --product portico-bench
	@$(CALLER) mkdir -p Benchmarks/results
	Benchmarks/.build/release/portico-bench soak --minutes $(MINUTES) --portico $(RELEASE) --json Benchmarks/results/soak.json

scale: build ## Measure whether work is in proportion to what changed, up to 10,000 Services; needs root
	@Scripts/require-packages.sh lab
	$(SWIFT_BUILD) --package-path Benchmarks -c release --product portico-bench
	@$(CALLER) mkdir -p Benchmarks/results
	Benchmarks/.build/release/portico-bench scale --portico $(RELEASE) --json Benchmarks/results/scale.json

man: build ## Make the man pages, in dist/man
	@$(CALLER) mkdir -p $(DIST)/man
	$(CALLER) $(SWIFT) Scripts/man.swift $(RELEASE) $(DIST)/man

completions: build ## Make the completion scripts for bash, zsh and fish, in dist/completions
	@$(CALLER) mkdir -p $(DIST)/completions
	$(CALLER) sh -c '$(RELEASE) --generate-completion-script bash > $(DIST)/completions/portico.bash'
	$(CALLER) sh -c '$(RELEASE) --generate-completion-script zsh > $(DIST)/completions/_portico'
	$(CALLER) sh -c '$(RELEASE) --generate-completion-script fish > $(DIST)/completions/portico.fish'

install: completions man ## Install program without symbols, man pages and completions under PREFIX (/usr/local)
	install -D -s -m 755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/portico
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(DIST)/man/*.1
	install -D -m 644 $(DIST)/completions/portico.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/portico
	install -D -m 644 $(DIST)/completions/_portico $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_portico
	install -D -m 644 $(DIST)/completions/portico.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/portico.fish

deb: build ## Make a Debian package, in dist
	@Scripts/require-packages.sh deb
	$(CALLER) Scripts/make-deb.sh $(RELEASE) $(DIST)

deploy-check: ## Render deploy/ and hold it to the schemas of several versions of Kubernetes, without a cluster
	@Scripts/require-packages.sh deploy
	@$(CALLER) Scripts/deploy-check.sh

metrics-check: build ## Hold metrics, /status, alerts and dashboard to what the program says
	@Scripts/require-packages.sh metrics
	@$(CALLER) Scripts/metrics-check.sh $(RELEASE)

clean: ## Remove all that was built
	rm -rf .build .build-tsan .build-asan .build-optimized .build-fuzz .build-mutants $(DIST)

toolchain:
	@$(CALLER) Scripts/require-swift.sh

needs-build: toolchain
	@Scripts/require-packages.sh build

needs-test: toolchain
	@Scripts/require-packages.sh build test
