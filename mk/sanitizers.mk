# SPDX-License-Identifier: MIT
# Sanitizers and fuzzing, in builds of their own.

.PHONY: test-units asan tsan fuzz fuzz-here

comma := ,
UNITS ?= $(OUT)/tests/alloc_units $(OUT)/tests/tools_units $(OUT)/tests/bench_units
UBSAN := -fsanitize=undefined -fno-sanitize-recover=undefined

## the unit tests alone; UNITS
test-units: $(UNITS) $(OUT)/tests/probe/stack_target
	@OUT=$(OUT) tests/run.sh $(UNITS)

# The allocator wants the addresses that AddressSanitizer has its shadow at, so it has UBSan alone.
## unit tests under AddressSanitizer and UBSan
asan:
	$(MAKE) OUT=$(OUT)-ubsan CFLAGS='$(UBSAN)' LDFLAGS='$(UBSAN)' UNITS=$(OUT)-ubsan/tests/alloc_units test-units
	$(MAKE) OUT=$(OUT)-asan CFLAGS='-fsanitize=address $(UBSAN)' LDFLAGS='-fsanitize=address $(UBSAN)' \
	  UNITS='$(OUT)-asan/tests/tools_units $(OUT)-asan/tests/bench_units' test-units

## unit tests of the allocator under ThreadSanitizer
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

## the fuzzers of this build
fuzz-here: $(FUZZERS)
	@OUT=$(OUT) tests/fuzz/run.sh $(FUZZERS)

## each fuzzer for FUZZ_SECONDS (20), in a build of its own with clang
fuzz:
	@tests/deps.sh $(FUZZ_DEBS)
	$(MAKE) OUT=$(OUT)-fuzz CC=$(CLANG) CFLAGS='-fsanitize=fuzzer-no-link,address $(UBSAN)' LDFLAGS='-fsanitize=address $(UBSAN)' fuzz-here
