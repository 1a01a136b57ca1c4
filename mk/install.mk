# SPDX-License-Identifier: MIT
# What goes where.

.PHONY: install

## into DESTDIR and PREFIX (/usr/local): libraries, programs, manuals, completions
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
