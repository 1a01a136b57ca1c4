# SPDX-License-Identifier: MIT
#
# hakmem: one non-recursive build, all output under $(OUT).
#   make            the library, hakprobe and hakbench
#   make demo       redis-server under libhakmem, watched by hakprobe
#   make test       everything that is checked
# docs/architecture.md has the map of the directories.

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
.PHONY: all deps test-deps demo test test-alloc test-bench test-probe sim stress icount icount-gate icount-budget ab-check bench bench-quick bench-programs icount-programs cachemiss bench-scale bench-deps zero-cost overhead exact weights lint asan tsan fuzz fuzz-here test-units install clean docs

all: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakprobe $(OUT)/hakbench $(OUT)/libhakrecord.so

# --- packages -----------------------------------------------------------------------------------

BUILD_DEBS := gcc g++ libc6-dev make pkg-config clang llvm bpftool libbpf-dev libelf-dev libdw-dev \
              libjson-c-dev libcunit1-dev zlib1g-dev libprotobuf-c-dev protobuf-c-compiler libncurses-dev
RUN_DEBS   := valgrind gdb python3 redis-server redis-tools sqlite3 git binutils tmux \
              libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4 gnuplot-nox

# Heavy; where they cannot be installed, the tests that want them skip and say so.
TEST_DEBS  := chromium chromium-driver golang-go python3-jsonschema faketime php-cli php-xml php-mbstring \
              php-sqlite3 curl nodejs ruby sbcl default-jre-headless
LINT_DEBS  := clang-format clang-tidy cppcheck shellcheck
FUZZ_DEBS  := libclang-rt-14-dev

deps:
	@tests/deps.sh $(BUILD_DEBS) $(RUN_DEBS)

DEPS := $(OUT)/.deps
$(DEPS): Makefile tests/deps.sh
	@tests/deps.sh $(BUILD_DEBS) $(RUN_DEBS)
	@mkdir -p $(@D) && touch $@

# Programs that only the lab measures; what is not there is left out, and said.
BENCH_DEBS := jq libxml2-utils lua5.4 perl

bench-deps:
	@tests/deps.sh $(BENCH_DEBS) || true

test-deps:
	@tests/deps.sh $(TEST_DEBS) || true

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

# --- libhakmem ----------------------------------------------------------------------------------

ALLOC_SRC := $(wildcard alloc/*.c)
ALLOC_OBJ := $(ALLOC_SRC:%.c=$(OUT)/obj/%.o)
# What unit tests link: everything but the libc names.
ALLOC_CORE := $(filter-out $(OUT)/obj/alloc/override%.o,$(ALLOC_OBJ))

$(OUT)/obj/alloc/%.o: alloc/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(ALLOC_CFLAGS) $(UNIT_CFLAGS) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUT)/obj/alloc/probe.o: UNIT_CFLAGS := $(PROBE_CFLAGS)
$(OUT)/obj/alloc/override.o: UNIT_CFLAGS := $(HOT_CFLAGS)
$(OUT)/obj/alloc/override_cxx.o $(OUT)/obj/alloc/archive/override_cxx.o: UNIT_CFLAGS := $(HOT_CFLAGS) -fexceptions

# What the archive has in a form of its own: it refers to the C++ library.
$(OUT)/obj/alloc/archive/%.o: alloc/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(ALLOC_CFLAGS) $(UNIT_CFLAGS) -DHAK_ARCHIVE=1 $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUT)/libhakmem.so.1: $(ALLOC_OBJ) alloc/libhakmem.map
	$(CC) -shared -Wl,-soname,libhakmem.so.1 -Wl,--version-script=alloc/libhakmem.map -Wl,-z,now \
	  -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,defs -Wl,--build-id $(LDFLAGS) $(ALLOC_OBJ) -o $@

$(OUT)/libhakmem.so: $(OUT)/libhakmem.so.1
	ln -sf $(<F) $@

$(OUT)/libhakmem.a: $(filter-out %/override_cxx.o,$(ALLOC_OBJ)) $(OUT)/obj/alloc/archive/override_cxx.o
	rm -f $@
	$(AR) rcs $@ $^

# --- BPF and hakprobe ---------------------------------------------------------------------------

# Asked when it is needed, and not when this file is read: the compiler may just have been installed.
MULTIARCH = $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_SRC  := $(wildcard bpf/*.bpf.c)
BPF_SKEL := $(BPF_SRC:bpf/%.bpf.c=$(OUT)/bpf/%.skel.h)
BPF_CFLAGS = -target bpf -g -O2 -Wall -D__TARGET_ARCH_x86 -I. -Ibpf \
              $(if $(MULTIARCH),-idirafter /usr/include/$(MULTIARCH))

$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c | $(DEPS)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUT)/bpf/%.skel.h: $(OUT)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# The pprof format, from its description in tools/.
PROTO := $(OUT)/proto/pprof.pb-c.c $(OUT)/proto/pprof.pb-c.h
$(PROTO) &: tools/profile/pprof.proto | $(DEPS)
	@mkdir -p $(OUT)/proto
	protoc-c --proto_path=tools/profile --c_out=$(OUT)/proto tools/profile/pprof.proto

TOOL_SRC := $(wildcard tools/*.c tools/*/*.c)
TOOL_OBJ := $(TOOL_SRC:%.c=$(OUT)/obj/%.o) $(OUT)/obj/proto/pprof.pb-c.o
TOOL_CORE := $(filter-out $(OUT)/obj/tools/hakprobe.o,$(TOOL_OBJ))

$(OUT)/obj/tools/%.o: tools/%.c $(BPF_SKEL) | $(DEPS) $(PROTO)
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUT)/obj/proto/%.o: $(OUT)/proto/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

# Embedded with .incbin, which the compiler's dependencies do not see.
$(OUT)/obj/tools/export/svg.o: tools/export/svg.js tools/export/svg.css
$(OUT)/obj/tools/export/html.o: tools/export/html.js tools/export/html.css

$(OUT)/hakprobe: $(TOOL_OBJ)
	$(CC) $(LDFLAGS) $^ $(TOOL_LIBS) -o $@

# --- hakbench -----------------------------------------------------------------------------------

BENCH_SRC := $(wildcard bench/*.c bench/*/*.c)
BENCH_OBJ := $(BENCH_SRC:%.c=$(OUT)/obj/%.o)

$(OUT)/obj/bench/%.o: bench/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -I. -fno-builtin $(CFLAGS) $(DEPFLAGS) -c $< -o $@

BENCH_CORE := $(filter-out $(OUT)/obj/bench/hakbench.o,$(BENCH_OBJ))
BENCH_LIBS_LINKED := -ljson-c -lpthread -lm

$(OUT)/hakbench: $(BENCH_OBJ)
	$(CC) $(LDFLAGS) $^ $(BENCH_LIBS_LINKED) -o $@

# The recorder of traces, to be preloaded.
RECORDER_OBJ := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard bench/trace/recorder/*.c))
$(RECORDER_OBJ): BASE_CFLAGS += -fPIC -fvisibility=hidden

$(OUT)/libhakrecord.so: $(RECORDER_OBJ)
	$(CC) -shared -Wl,-soname,libhakrecord.so -Wl,-z,defs $(LDFLAGS) $^ -lpthread -o $@

# --- tests --------------------------------------------------------------------------------------
# tests/alloc, tests/tools and tests/bench: CUnit suites, one file each, found by name and linked into
# one program per directory. tests/preload, tests/probe and tests/bench: scripts; exit 77 means skipped.

HARNESS := $(OUT)/obj/tests/harness.o
ALLOC_TESTS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard tests/alloc/*.c))
TOOL_TESTS  := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard tests/tools/*.c tests/tools/*/*.c))
BENCH_TESTS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard tests/bench/*/*.c))
# Programs that the scripts run: one file, one program.
TEST_PROGS  := $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard tests/preload/*.c tests/probe/*.c tests/misuse/*.c)) \
               $(patsubst tests/%.cc,$(OUT)/tests/%,$(wildcard tests/preload/*.cc tests/probe/*.cc tests/misuse/*.cc))

$(OUT)/obj/tests/%.o: tests/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -I. -I$(OUT)/bpf -I$(OUT)/proto -fno-builtin -DHAK_PROBES=$(PROBES) -DHAK_SECURE=$(SECURE) \
	  $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(TOOL_TESTS): $(BPF_SKEL) $(PROTO)

# Unit tests count probe firings and let mappings fail through these.
WRAP := fire_otel_memory_alloc fire_otel_memory_free fire_hakmem_refill fire_hakmem_flush \
        fire_hakmem_os_map fire_hakmem_span_new fire_hakmem_span_free os_map os_map_at \
        os_clock_coarse_ns os_barrier os_copy os_purge

$(OUT)/tests/alloc_units: $(ALLOC_TESTS) $(HARNESS) $(ALLOC_CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP:%=-Wl,--wrap=%) $^ -lcunit -lpthread -lm -o $@

# The simulator: one program; the system beneath the allocator is simulated through these.
SIM_OBJ  := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard tests/sim/*.c))
SIM_WRAP := os_map os_map_at os_unmap os_remap os_purge os_populate os_protect os_no_huge_pages \
            os_barrier_register os_barrier os_wait os_wake os_clock_ns os_clock_coarse_ns os_tid os_random \
            os_random_layout os_find_gap os_write_stderr os_each_environment os_copy os_thread_is_gone \
            os_robust_list pthread_mutex_lock pthread_mutex_unlock libc_has_one_thread tcache_fork_child \
            shortage_malloc

$(OUT)/tests/sim: $(SIM_OBJ) $(ALLOC_CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(SIM_WRAP:%=-Wl,--wrap=%) $^ -lpthread -o $@

$(OUT)/tests/tools_units: $(TOOL_TESTS) $(HARNESS) $(TOOL_CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lcunit $(TOOL_LIBS) -o $@

$(OUT)/tests/bench_units: $(BENCH_TESTS) $(HARNESS) $(BENCH_CORE) $(OUT)/obj/bench/trace/recorder/objects.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lcunit $(BENCH_LIBS_LINKED) -o $@

$(OUT)/tests/%: tests/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -I. -fno-builtin $(CFLAGS) -MMD -MP -MF $@.d $< -lpthread -ldl -lm -o $@

$(OUT)/tests/%: tests/%.cc | $(DEPS)
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -g -O2 -Wall -Wextra $(TEST_CXX) $(CXXFLAGS) -MMD -MP -MF $@.d $< -lpthread -ldl -o $@

TEST_CXX = -fno-omit-frame-pointer
# What shows that stacks are followed without them.
$(OUT)/tests/probe/%: TEST_CXX = -fomit-frame-pointer

# The torture: real threads. As a program to preload the library to, and a library that it loads;
# linked with the allocator itself (which is what ThreadSanitizer can watch).
TORTURE_SRC := $(filter-out tests/torture/plugin.c,$(wildcard tests/torture/*.c))
TORTURE     := $(OUT)/tests/torture/torture $(OUT)/tests/torture/plugin.so

$(OUT)/tests/torture/torture: $(TORTURE_SRC:%.c=$(OUT)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lpthread -ldl -o $@

$(OUT)/tests/torture/plugin.so: tests/torture/plugin.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) -shared -fPIC $(BASE_CFLAGS) -fno-builtin $(CFLAGS) $(LDFLAGS) $< -o $@

$(OUT)/obj/direct/%.o: tests/torture/%.c | $(DEPS)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -I. -fno-builtin -DTORTURE_DIRECT -DHAK_PROBES=$(PROBES) -DHAK_SECURE=$(SECURE) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(OUT)/tests/torture/direct: $(TORTURE_SRC:tests/torture/%.c=$(OUT)/obj/direct/%.o) $(ALLOC_CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lpthread -ldl -o $@

# Builds of their own, for the torture: with all assertions, and under ThreadSanitizer.
TSAN_MAKE = $(MAKE) OUT=$(OUT)-tsan CFLAGS='-fsanitize=thread' LDFLAGS=-fsanitize=thread
.PHONY: torture-builds torture soak
torture-builds: $(TORTURE) $(OUT)/libhakmem.so
	@$(MAKE) --no-print-directory -s OUT=$(OUT)-debug DEBUG=1 $(OUT)-debug/libhakmem.so
	@$(MAKE) --no-print-directory -s OUT=$(OUT)-secure SECURE=1 $(OUT)-secure/libhakmem.so $(OUT)-secure/tests/sim $(OUT)-secure/tests/alloc_units
	+@$(TSAN_MAKE) --no-print-directory -s $(OUT)-tsan/tests/torture/direct

# SECONDS_EACH=4: of each mode.
torture: torture-builds $(OUT)/hakprobe
	@OUT=$(OUT) tests/run.sh tests/torture/torture.sh

# MINUTES=20: the torture, mode after mode, and the simulator side by side.
soak: torture-builds $(OUT)/hakprobe
	@OUT=$(OUT) MINUTES=$(or $(MINUTES),20) tests/torture/soak.sh

test: all test-deps torture-builds $(OUT)/tests/alloc_units $(OUT)/tests/sim $(OUT)/tests/tools_units $(OUT)/tests/bench_units $(TEST_PROGS)
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/alloc_units $(OUT)/tests/sim $(OUT)/tests/tools_units $(OUT)/tests/bench_units \
	  $(sort $(wildcard tests/tree/*.sh tests/preload/*.sh tests/sim/*.sh tests/torture/torture.sh tests/bench/*/*.sh tests/probe/*.sh))

test-alloc: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakbench $(OUT)/tests/alloc_units $(OUT)/tests/sim $(TEST_PROGS) torture-builds
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/alloc_units $(OUT)/tests/sim $(sort $(wildcard tests/preload/*.sh tests/sim/*.sh tests/torture/torture.sh))

# Planted faults, each of which test-alloc must see; about 20 minutes. MUTANTS: names, or how they begin.
.PHONY: mutants
mutants: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakbench $(OUT)/tests/alloc_units $(OUT)/tests/sim $(TEST_PROGS) $(TORTURE)
	@OUT=$(OUT) tests/mutants.sh $(MUTANTS)

test-bench: $(OUT)/libhakmem.so $(OUT)/hakbench $(OUT)/libhakrecord.so $(OUT)/tests/bench_units
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/bench_units $(sort $(wildcard tests/bench/*/*.sh))

test-probe: all test-deps $(OUT)/tests/tools_units $(TEST_PROGS)
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/tools_units $(sort $(wildcard tests/probe/*.sh))

# make sim SEED=7 STEPS=20000: one seed; without: as `make test` does. ONLY: some of its steps.
sim: $(OUT)/tests/sim
	@$(OUT)/tests/sim $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(ONLY),--only $(ONLY))

# The same with a thousand threads, ten thousand short ones, a thousand attachments; tens of minutes.
stress: all $(TEST_PROGS)
	@OUT=$(OUT) STRESS=1 TEST_TIMEOUT=7200 tests/run.sh $(sort $(wildcard tests/probe/manners_*.sh))

# What comes of each misuse, as docs/security.md has it: ours, glibc, and of scudo and hardened_malloc what is there.
SCUDO    ?= $(lastword $(sort $(wildcard /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86_64.so)))
HARDENED ?= $(wildcard /usr/lib/libhardened_malloc.so /usr/local/lib/libhardened_malloc.so)
.PHONY: misuse-table
misuse-table: $(OUT)/libhakmem.so $(TEST_PROGS)
	$(MAKE) SECURE=1 OUT=$(OUT)-secure $(OUT)-secure/libhakmem.so >/dev/null
	@OUT=$(OUT) SECURE_LIBRARY=$(OUT)-secure/libhakmem.so \
	  OTHERS=$(if $(SCUDO),scudo=$(SCUDO)),$(if $(HARDENED),hardened_malloc=$(HARDENED)) tests/misuse/run.sh table

# --- sanitizers and fuzzing, in builds of their own ----------------------------------------------

comma := ,
UNITS ?= $(OUT)/tests/alloc_units $(OUT)/tests/tools_units $(OUT)/tests/bench_units
UBSAN := -fsanitize=undefined -fno-sanitize-recover=undefined

test-units: $(UNITS) $(OUT)/tests/probe/stack_target
	@OUT=$(OUT) tests/run.sh $(UNITS)

# The allocator wants the addresses that AddressSanitizer has its shadow at, so it has UBSan alone.
asan:
	$(MAKE) OUT=$(OUT)-ubsan CFLAGS='$(UBSAN)' LDFLAGS='$(UBSAN)' UNITS=$(OUT)-ubsan/tests/alloc_units test-units
	$(MAKE) OUT=$(OUT)-asan CFLAGS='-fsanitize=address $(UBSAN)' LDFLAGS='-fsanitize=address $(UBSAN)' \
	  UNITS='$(OUT)-asan/tests/tools_units $(OUT)-asan/tests/bench_units' test-units

tsan:
	+UNIT_TIMEOUT=3600 TSAN_OPTIONS="halt_on_error=1 abort_on_error=1 $$TSAN_OPTIONS" $(TSAN_MAKE) \
	  UNITS=$(OUT)-tsan/tests/alloc_units test-units

FUZZERS := $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard tests/fuzz/*.c))
CORES   := $(OUT)/obj/alloc.a $(OUT)/obj/tools.a $(OUT)/obj/bench.a
$(OUT)/obj/alloc.a: $(ALLOC_CORE)
$(OUT)/obj/tools.a: $(TOOL_CORE)
$(OUT)/obj/bench.a: $(BENCH_CORE)
# q: a name may come again, from another wing.
$(CORES):
	rm -f $@
	$(AR) qcs $@ $^

$(FUZZERS): $(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(CORES)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $(if $(filter options,$*),-Wl$(comma)--wrap=os_each_environment -Wl$(comma)--wrap=os_write_stderr) \
	  $^ $(TOOL_LIBS) -o $@

fuzz-here: $(FUZZERS)
	@OUT=$(OUT) tests/fuzz/run.sh $(FUZZERS)

fuzz:
	@tests/deps.sh $(FUZZ_DEBS)
	$(MAKE) OUT=$(OUT)-fuzz CC=$(CLANG) CFLAGS='-fsanitize=fuzzer-no-link,address $(UBSAN)' LDFLAGS='-fsanitize=address $(UBSAN)' fuzz-here

# --- claims, each a command ---------------------------------------------------------------------

demo: all
	@OUT=$(OUT) tools/demo/demo.sh

icount: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/icount.sh

icount-gate: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/icount.sh --gate

icount-budget: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/icount.sh --budget >bench/budget.new && mv bench/budget.new bench/budget.txt

# Two equal arms are NEUTRAL, an unequal pair is GO, a broken one is refused; by the clock.
ab-check: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/ab-check.sh

# hakmem and its peers; BENCH_LIBS=name=path,... adds others.
bench bench-quick: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/bench.sh $(filter bench-quick,$@)

# Real programs instead of workloads.
bench-programs: $(OUT)/libhakmem.so $(OUT)/hakbench bench-deps
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/programs.sh

icount-programs: $(OUT)/libhakmem.so $(OUT)/hakbench bench-deps
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/icount_programs.sh

cachemiss: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/cachemiss.sh

# 10^3 to 10^7 live blocks, 1 to 64 threads.
bench-scale: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/scale.sh

zero-cost: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) MAKE="$(MAKE)" bench/scripts/zero-cost.sh

overhead: all
	@OUT=$(OUT) bench/scripts/overhead.sh

exact: all $(TEST_PROGS)
	@OUT=$(OUT) tests/probe/exact.sh

# Takes a minute: 100 GB in 60 s, the total within 1 %, each caller within 3 standard errors.
.PHONY: weights
weights: all $(TEST_PROGS)
	@OUT=$(OUT) GB=100 SECONDS_WANTED=60 ERRORS=3 PERCENT=1 tests/probe/weights.sh

docs/options.md: $(OUT)/libhakmem.so
	HAKMEM_VERBOSE=options LD_PRELOAD=$(abspath $<) ls $< 2> $@ >/dev/null
docs: docs/options.md

lint: $(BPF_SKEL) $(PROTO)
	@tests/deps.sh $(LINT_DEBS)
	@OUT=$(OUT) tests/lint.sh

install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,lib/pkgconfig bin sbin include share/man/man1 \
	  share/man/man3 share/man/man8 share/bash-completion/completions share/zsh/site-functions)
	install -m 755 $(OUT)/libhakmem.so.1 $(DESTDIR)$(PREFIX)/lib/
	ln -sf libhakmem.so.1 $(DESTDIR)$(PREFIX)/lib/libhakmem.so
	install -m 644 $(OUT)/libhakmem.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 alloc/hakmem.h $(DESTDIR)$(PREFIX)/include/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' alloc/hakmem.pc.in \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/hakmem.pc
	install -m 755 $(OUT)/hakbench $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(OUT)/libhakrecord.so $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(OUT)/hakprobe $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 tools/cli/completion/hakprobe.bash \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hakprobe
	install -m 644 tools/cli/completion/_hakprobe $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	install -m 644 docs/man/hakbench.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 docs/man/hakmem.3 $(DESTDIR)$(PREFIX)/share/man/man3/
	install -m 644 docs/man/hakprobe.8 $(DESTDIR)$(PREFIX)/share/man/man8/

clean:
	rm -rf $(OUT) $(OUT)-secure $(OUT)-asan $(OUT)-ubsan $(OUT)-tsan $(OUT)-fuzz $(OUT)-debug out-noprobes out-mutants

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
