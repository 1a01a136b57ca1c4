# SPDX-License-Identifier: MIT
# BPF programs, their skeletons, and hakprobe, which loads them.

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
