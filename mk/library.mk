# SPDX-License-Identifier: MIT
# libhakmem: a shared library and an archive.

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
