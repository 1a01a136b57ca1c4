# SPDX-License-Identifier: MIT
# hakbench, and the recorder of traces, which is preloaded.

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
