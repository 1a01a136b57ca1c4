# SPDX-License-Identifier: MIT
# Packages: what is there already is not asked for again.

.PHONY: deps bench-deps test-deps

BUILD_DEBS := gcc g++ libc6-dev make pkg-config clang llvm bpftool libbpf-dev libelf-dev libdw-dev \
              libjson-c-dev libcunit1-dev zlib1g-dev libprotobuf-c-dev protobuf-c-compiler libncurses-dev
RUN_DEBS   := valgrind gdb python3 redis-server redis-tools sqlite3 git binutils tmux \
              libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4 gnuplot-nox

# Heavy; where they cannot be installed, the tests that want them skip and say so.
TEST_DEBS  := chromium chromium-driver golang-go python3-jsonschema faketime php-cli php-xml php-mbstring \
              php-sqlite3 curl nodejs ruby sbcl default-jre-headless
LINT_DEBS  := clang-format clang-tidy cppcheck shellcheck
FUZZ_DEBS  := libclang-rt-14-dev

## install the Debian packages that the build and the tests need (root or sudo)
deps:
	@tests/deps.sh $(BUILD_DEBS) $(RUN_DEBS)

DEPS := $(OUT)/.deps
$(DEPS): mk/packages.mk tests/deps.sh
	@tests/deps.sh $(BUILD_DEBS) $(RUN_DEBS)
	@mkdir -p $(@D) && touch $@

# Programs that only the lab measures; what is not there is left out, and said.
BENCH_DEBS := jq libxml2-utils lua5.4 perl

## install what only bench-programs measures
bench-deps:
	@tests/deps.sh $(BENCH_DEBS) || true

## install what is heavy, and only some tests want
test-deps:
	@tests/deps.sh $(TEST_DEBS) || true
