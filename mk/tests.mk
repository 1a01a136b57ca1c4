# SPDX-License-Identifier: MIT
# Test programs, and the targets that run them.
# tests/alloc, tests/tools and tests/bench: CUnit suites, one file each, found by name and linked into
# one program per directory. tests/preload, tests/probe and tests/bench: scripts; exit 77 means skipped.

.PHONY: test test-alloc test-bench test-probe sim torture-builds torture soak stress mutants misuse-table

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
## the builds that the torture wants, with assertions and under ThreadSanitizer
torture-builds: $(TORTURE) $(OUT)/libhakmem.so
	@$(MAKE) --no-print-directory -s OUT=$(OUT)-debug DEBUG=1 $(OUT)-debug/libhakmem.so
	@$(MAKE) --no-print-directory -s OUT=$(OUT)-secure SECURE=1 $(OUT)-secure/libhakmem.so $(OUT)-secure/tests/sim $(OUT)-secure/tests/alloc_units
	+@$(TSAN_MAKE) --no-print-directory -s $(OUT)-tsan/tests/torture/direct

## threads, forks, signals at random, in every mode; SECONDS_EACH=4
torture: torture-builds $(OUT)/hakprobe
	@OUT=$(OUT) tests/run.sh tests/torture/torture.sh

## the torture, mode after mode, and the simulator side by side; MINUTES=20
soak: torture-builds $(OUT)/hakprobe $(OUT)/tests/sim
	@OUT=$(OUT) MINUTES=$(or $(MINUTES),20) tests/torture/soak.sh

## everything that is checked
test: all test-deps torture-builds $(OUT)/tests/alloc_units $(OUT)/tests/sim $(OUT)/tests/tools_units $(OUT)/tests/bench_units $(TEST_PROGS)
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/alloc_units $(OUT)/tests/sim $(OUT)/tests/tools_units $(OUT)/tests/bench_units \
	  $(sort $(wildcard tests/tree/*.sh tests/preload/*.sh tests/sim/*.sh tests/torture/torture.sh tests/bench/*/*.sh tests/probe/*.sh))

## what concerns the allocator
test-alloc: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakbench $(OUT)/tests/alloc_units $(OUT)/tests/sim $(TEST_PROGS) torture-builds
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/alloc_units $(OUT)/tests/sim $(sort $(wildcard tests/preload/*.sh tests/sim/*.sh tests/torture/torture.sh))

## planted faults, each of which test-alloc must see (20 minutes); MUTANTS: names, or how they begin
mutants: $(OUT)/libhakmem.so $(OUT)/libhakmem.a $(OUT)/hakbench $(OUT)/tests/alloc_units $(OUT)/tests/sim $(TEST_PROGS) $(TORTURE)
	@OUT=$(OUT) tests/mutants.sh $(MUTANTS)

## what concerns hakbench and the lab
test-bench: $(OUT)/libhakmem.so $(OUT)/hakbench $(OUT)/libhakrecord.so $(OUT)/tests/bench_units
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/bench_units $(sort $(wildcard tests/bench/*/*.sh))

## what concerns hakprobe (root)
test-probe: all test-deps $(OUT)/tests/tools_units $(TEST_PROGS)
	@OUT=$(OUT) tests/run.sh $(OUT)/tests/tools_units $(sort $(wildcard tests/probe/*.sh))

## the simulator, as `make test` runs it; SEED=7 STEPS=20000: one seed; ONLY: some of its steps
sim: $(OUT)/tests/sim
	@$(OUT)/tests/sim $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(ONLY),--only $(ONLY))

## manners of hakprobe with a thousand threads, ten thousand short ones, a thousand attachments
stress: all $(TEST_PROGS)
	@OUT=$(OUT) STRESS=1 TEST_TIMEOUT=7200 tests/run.sh $(sort $(wildcard tests/probe/manners_*.sh))

# Others than glibc: of these what is there.
SCUDO    ?= $(lastword $(sort $(wildcard /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86_64.so)))
HARDENED ?= $(wildcard /usr/lib/libhardened_malloc.so /usr/local/lib/libhardened_malloc.so)
## what comes of each misuse, as docs/security.md has it
misuse-table: $(OUT)/libhakmem.so $(TEST_PROGS)
	$(MAKE) SECURE=1 OUT=$(OUT)-secure $(OUT)-secure/libhakmem.so >/dev/null
	@OUT=$(OUT) SECURE_LIBRARY=$(OUT)-secure/libhakmem.so \
	  OTHERS=$(if $(SCUDO),scudo=$(SCUDO)),$(if $(HARDENED),hardened_malloc=$(HARDENED)) tests/misuse/run.sh table
