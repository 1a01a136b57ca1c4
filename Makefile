# SPDX-License-Identifier: MIT
#
# hakmem: one non-recursive build, all output under $(OUT).
#   make            the library, hakprobe and hakbench
#   make demo       redis-server under libhakmem, watched by hakprobe
#   make test       everything that is checked
#   make help       all targets
# docs/architecture.md has the map of the directories. The parts of this file are mk/*.mk.

OUT     ?= out
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CXX     := $(if $(filter default,$(origin CXX)),g++,$(CXX))
CLANG   ?= clang
# Looked for when it is run: it may just have been installed. Often not in a user's PATH.
BPFTOOL ?= $$(PATH=$$PATH:/usr/sbin:/usr/local/sbin; command -v bpftool)
PREFIX  ?= /usr/local
PROBES  ?= 1
DEBUG   ?= 0
# 1: the hot path checks every block (docs/security.md). A build of its own: OUT=out-secure.
SECURE  ?= 0
VERSION := 0.1.0

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help docs lint clean

## the library, hakprobe and hakbench
all: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakprobe $(OUT)/hakbench $(OUT)/libhakrecord.so

# A target's line is the comment beside it that begins with "##".
## this list
help:
	@awk '/^## / { text = substr($$0, 4); next } \
	  text && /^[a-z][a-z -]*:/ { sub(/:.*/, ""); printf "  %-19s%s\n", $$0, text } { text = "" }' $(filter-out %.d,$(MAKEFILE_LIST))
	@echo "Variables: OUT=out CC=gcc|clang PROBES=1 DEBUG=0 SECURE=0 PREFIX=/usr/local DESTDIR="

# --- flags --------------------------------------------------------------------------------------

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OPT      := $(if $(filter 1,$(DEBUG)),-O1 -DHAK_DEBUG=1,-O2 -DHAK_DEBUG=0)
DEPFLAGS = -MMD -MP -MF $(@:.o=.d)
BASE_CFLAGS := -std=gnu11 -g $(OPT) $(WARN) -DHAK_VERSION='"$(VERSION)"'

# The allocator. Frame pointers are kept on the cold path so that every unwinder sees its callers;
# the hot functions have no frame to begin with (with DEBUG=1, without tail calls, they have one).
ALLOC_CFLAGS := $(BASE_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-builtin \
                -fcf-protection=none -fno-semantic-interposition -fno-stack-protector -fno-plt \
                -fno-omit-frame-pointer -DHAK_PROBES=$(PROBES) -DHAK_SECURE=$(SECURE) -D_GNU_SOURCE
PROBE_CFLAGS := -mno-red-zone -mno-omit-leaf-frame-pointer
# The hot path of malloc, and that of free, fit a cache line each.
HOT_CFLAGS   := $(if $(filter 1,$(DEBUG)),,-fomit-frame-pointer) -mprfchw -falign-functions=64
TOOL_CFLAGS   = $(BASE_CFLAGS) -D_GNU_SOURCE -I. -I$(OUT)/bpf -I$(OUT)/proto
TOOL_LIBS    := -lbpf -lelf -ldw -ljson-c -lprotobuf-c -lz -lncursesw -ltinfo -lm -lpthread -ldl

# --- parts --------------------------------------------------------------------------------------

include mk/packages.mk mk/library.mk mk/hakprobe.mk mk/hakbench.mk mk/tests.mk mk/sanitizers.mk mk/claims.mk mk/install.mk

docs/options.md: $(OUT)/libhakmem.so
	HAKMEM_VERBOSE=options LD_PRELOAD=$(abspath $<) ls $< 2> $@ >/dev/null
## docs/options.md from the table of options
docs: docs/options.md

## the form of the code, static checks, scripts
lint: $(BPF_SKEL) $(PROTO)
	@tests/deps.sh $(LINT_DEBS)
	@OUT=$(OUT) tests/lint.sh

## remove everything that was built
clean:
	rm -rf $(OUT) $(OUT)-secure $(OUT)-asan $(OUT)-ubsan $(OUT)-tsan $(OUT)-fuzz $(OUT)-debug out-noprobes out-mutants

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
