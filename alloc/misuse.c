/* SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stdlib.h>

#include "log.h"
#include "probe.h"
#include "size_class.h"

static const char *const texts[] = {
        [MISUSE_DOUBLE_FREE] = "double free of ",
        [MISUSE_NOT_A_BLOCK] = "free of an address that is not the start of a block: ",
        [MISUSE_NOT_OURS] = "free of memory that is not allocated: ",
        [MISUSE_OVERFLOW] = "overflow: ",
        [MISUSE_UNDERFLOW] = "underflow: ",
        [MISUSE_AFTER_FREE] = "use after free: ",
        [MISUSE_WRONG_SIZE] = "sized free of a block of another size: ",
};

cold_path void misuse_write(enum misuse_kind kind, const void *p, unsigned class, const char *about)
{
	struct log_line line = {.used = 0};
	log_text(&line, "hakmem: ");
	log_text(&line, texts[kind]);
	log_hex(&line, (uintptr_t)p);
	if (class) {
		log_text(&line, " (size class ");
		log_number(&line, size_class_size(class));
		log_text(&line, ")");
	}
	log_text(&line, about);
	log_write(&line);
	probe_hakmem_misuse(kind, (uintptr_t)p, class);
}

static void (*leave)(void);

void misuse_init(void (*how)(void))
{
	leave = how;
}

cold_path _Noreturn void misuse_report(enum misuse_kind kind, const void *p, unsigned class)
{
	misuse_write(kind, p, class, "");
	if (leave)
		leave();
	abort();
}
