/* SPDX-License-Identifier: MIT */
/*
 * Says that it contains the allocator, and keeps records that no allocator keeps: `ring` a list of
 * threads that leads back to itself, `moving` the same with figures that never settle, `long` a
 * list of more threads than there can be, `never` a thread whose record cannot be read because the
 * page that it lies on never comes. Says "ready" and sleeps.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/record.h"

/* Known to the note by this name. */
struct hak_process_record hostile_process = {
        .magic = HAK_RECORD_MAGIC,
        .version = HAK_RECORD_VERSION,
        .mode = HAK_MODE_NORMAL,
        .class_count = HAK_CLASS_COUNT,
        .route_count = HAK_ROUTE_COUNT,
        .class_record_bytes = sizeof(struct hak_class_record),
        .thread_record_bytes = sizeof(struct hak_thread_record),
};

__attribute__((used)) static void leave_note(void)
{
	__asm__ volatile(".pushsection .note.hakmem,\"\",\"note\"\n"
	                 ".balign 4\n"
	                 ".4byte 7, 16, 1\n"
	                 ".asciz \"hakmem\"\n"
	                 ".balign 4\n"
	                 ".4byte %c0, %c1\n"
	                 ".8byte hostile_process\n"
	                 ".popsection\n"
	                 :
	                 : "i"(HAK_RECORD_VERSION), "i"(sizeof(struct hak_process_record)));
}

enum { LONG = 3000 };

static struct hak_thread_record records[LONG];
static struct hak_slot slots[HAK_CLASS_COUNT];

static hak_u64 make_list(const char *mode)
{
	const size_t count = strcmp(mode, "long") ? 1 : LONG;

	for (size_t i = 0; i < count; i++) {
		records[i].tid = (hak_u64)getpid() + i;
		records[i].start_ns = 1;
		records[i].slots = (hak_u64)slots;
		records[i].seq = !strcmp(mode, "moving");
		records[i].next = (hak_u64)&records[(i + 1) % count];
	}
	return (hak_u64)records;
}

static hak_u64 make_page_that_never_comes(void)
{
	const size_t bytes = (sizeof(struct hak_thread_record) + 4095) & ~4095ul;
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register page = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	page.range.start = (hak_u64)at;
	page.range.len = bytes;
	if (fd < 0 || at == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &page)) {
		puts("cannot");
		exit(0);
	}
	return (hak_u64)at;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "ring";

	setvbuf(stdout, NULL, _IONBF, 0);
	hostile_process.threads =
	        strcmp(mode, "never") ? make_list(mode) : make_page_that_never_comes();
	puts("ready");
	for (;;)
		pause();
}
