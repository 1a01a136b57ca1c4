/* SPDX-License-Identifier: MIT */
#include "os.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "probe.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

static long call3(long nr, long a, long b, long c)
{
	return call6(nr, a, b, c, 0, 0, 0);
}

static bool failed(long result)
{
	return (unsigned long)result > -4096UL;
}

/*
 * Who maps memory comes after whoever had it unmapped. The kernel sees to that, and
 * ThreadSanitizer has to be told: it knows mmap(2) and munmap(2) by the C library's names.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *p);
void __tsan_release(void *p);
static char address_space;
#define COMES_AFTER() __tsan_acquire(&address_space)
#define GOES_BEFORE() __tsan_release(&address_space)
#else
#define COMES_AFTER() (void)0
#define GOES_BEFORE() (void)0
#endif

static long map(void *hint, size_t bytes, int flags)
{
	long at = call6(SYS_mmap, (long)hint, (long)bytes, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	COMES_AFTER();
	return at;
}

static long unmap(long base, size_t bytes)
{
	GOES_BEFORE();
	return call3(SYS_munmap, base, (long)bytes, 0);
}

/*
 * Kernels since 6.7 begin large libraries at multiples of a huge page's size, and put what is
 * mapped then just below: nine bits of the address less that are random. So large mappings are
 * asked for elsewhere, one below the other from a random place on. It is a hint.
 */
#define HINTS_FIRST \
	((uintptr_t)0x7b8000000000) /* what lies here is a program's to all sanitizers */
#define HINTS_LAST ((uintptr_t)0x7e8000000000)
enum { HINTED_BYTES = 2 << 20 };

static uintptr_t next_hint; /* 0: none yet */

static void draw_hint(void)
{
	next_hint = HINTS_LAST -
	            os_random_layout() % ((HINTS_LAST - HINTS_FIRST) / 2) / PAGE_SIZE * PAGE_SIZE;
}

static void *hint_for(size_t bytes)
{
	if (bytes < HINTED_BYTES || gauge_get(next_hint) < HINTS_FIRST + bytes)
		return NULL;
	return (void *)__atomic_sub_fetch(&next_hint, bytes, __ATOMIC_RELAXED);
}

int os_map(size_t bytes, size_t align, void **base)
{
	size_t slack = align > PAGE_SIZE ? align - PAGE_SIZE : 0;
	if (bytes + slack < bytes)
		return -ENOMEM;
	long at = map(hint_for(bytes + slack), bytes + slack, 0);
	if (failed(at))
		return (int)at;
	uintptr_t first = (uintptr_t)at, start = round_up(first, align), before = start - first;
	long err = before ? unmap((long)first, before) : 0;
	if (!err && slack > before)
		err = unmap((long)(start + bytes), slack - before);
	if (err) { /* too many mappings: better none than one whose ends nobody knows */
		unmap((long)first, bytes + slack);
		return (int)err;
	}
	*base = (void *)start;
	probe_hakmem_os_map(start, bytes);
	return 0;
}

/*
 * A plain hint first: a sandbox that ends processes for flags that it does not know lets it pass.
 * Kernels 6.7 to 6.11 take it only where there is a huge page's room behind the place as well, so
 * it is not their last word.
 */
int os_map_at(void *base, size_t bytes)
{
	long at = map(base, bytes, 0);
	if (failed(at))
		return (int)at;
	if ((void *)at != base) {
		unmap(at, bytes);
		if (os_is_sandboxed())
			return -EEXIST;
		at = map(base, bytes, MAP_FIXED_NOREPLACE);
		if (failed(at))
			return -EEXIST;
	}
	if ((void *)at != base) { /* a kernel before 4.17, to which that flag is a hint as well */
		unmap(at, bytes);
		return -EEXIST;
	}
	probe_hakmem_os_map((uintptr_t)base, bytes);
	return 0;
}

int os_unmap(void *base, size_t bytes)
{
	long result = unmap((long)base, bytes);
	if (!result)
		probe_hakmem_os_unmap((uintptr_t)base, bytes);
	return (int)result;
}

int os_remap(void *base, size_t old_bytes, size_t new_bytes, bool may_move, void **new_base)
{
	GOES_BEFORE();
	long at = call6(SYS_mremap, (long)base, (long)old_bytes, (long)new_bytes,
	                may_move ? MREMAP_MAYMOVE : 0, 0, 0);
	COMES_AFTER();
	if (failed(at))
		return (int)at;
	probe_hakmem_os_unmap((uintptr_t)base, old_bytes);
	probe_hakmem_os_map((uintptr_t)at, new_bytes);
	*new_base = (void *)at;
	return 0;
}

int os_purge(void *base, size_t bytes)
{
	long result = call3(SYS_madvise, (long)base, (long)bytes, MADV_DONTNEED);
	if (!result)
		probe_hakmem_os_purge((uintptr_t)base, bytes);
	return (int)result;
}

int os_populate(void *base, size_t bytes)
{
	if (os_is_sandboxed())
		return -EINVAL;
	return (int)call3(SYS_madvise, (long)base, (long)bytes, MADV_POPULATE_WRITE);
}

int os_resident_pages(void *base, size_t bytes, unsigned char *pages)
{
	if (os_is_sandboxed())
		return -ENOSYS;
	return (int)call3(SYS_mincore, (long)base, (long)bytes, (long)pages);
}

int os_protect(void *base, size_t bytes, bool accessible)
{
	return (int)call3(SYS_mprotect, (long)base, (long)bytes,
	                  accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}

int os_protect_write(void *base, size_t bytes, bool writable)
{
	return (int)call3(SYS_mprotect, (long)base, (long)bytes,
	                  writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

/* --- sandboxes -------------------------------------------------------------------------------- */

static bool huge_pages_unasked = true;
static bool filtered_at_start;
static long lock_at_start;
static bool sandboxed;

/*
 * What changes when the process locks itself in. Where there is a filter from the start, as in a
 * container, its being there tells nothing more; but who adds one of his own must have given up new
 * privileges first, or have many.
 */
static long lock_state(void)
{
	return call6(SYS_prctl, filtered_at_start ? PR_GET_NO_NEW_PRIVS : PR_GET_SECCOMP, 0, 0, 0,
	             0, 0);
}

bool os_is_sandboxed(void)
{
	if (gauge_get(sandboxed))
		return true;
	if (lock_state() == lock_at_start)
		return false;
	gauge_set(sandboxed, true);
	return true;
}

void os_no_huge_pages(void *base, size_t bytes)
{
	if (huge_pages_unasked && !os_is_sandboxed())
		call3(SYS_madvise, (long)base, (long)bytes, MADV_NOHUGEPAGE);
}

void os_wait(uint32_t *word, uint32_t expected)
{
	call6(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
}

void os_wake(uint32_t *word)
{
	call3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1);
}

int os_barrier_register(void)
{
	return (int)call3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

int os_barrier(void)
{
	if (os_is_sandboxed())
		return -EPERM;
	return (int)call3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

typedef long clock_function(clockid_t, struct timespec *);

/*
 * The kernel's, in the vdso: libc's clock_gettime() may be somebody's who allocates. NULL: there is
 * none. It cannot fail for these clocks.
 */
static clock_function *vdso_clock;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};
	if (likely(vdso_clock))
		vdso_clock(clock, &now);
	else
		call3(SYS_clock_gettime, clock, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t os_clock_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t os_clock_coarse_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint32_t os_tid(void)
{
	return (uint32_t)call3(SYS_gettid, 0, 0, 0);
}

bool os_thread_is_gone(uint32_t tid)
{
	return !os_is_sandboxed() && call3(SYS_tkill, tid, 0, 0) == -ESRCH;
}

uintptr_t os_robust_list(uint32_t tid)
{
	uintptr_t list = 0;
	size_t bytes;
	if (os_is_sandboxed())
		return 0;
	return failed(call3(SYS_get_robust_list, tid, (long)&list, (long)&bytes)) ? 0 : list;
}

/* A debugger's call: filters from the start may end the process for this one as well. */
int os_copy(void *to, const void *from, size_t bytes)
{
	struct iovec here = {to, bytes}, there = {(void *)(uintptr_t)from, bytes};
	if (filtered_at_start || os_is_sandboxed())
		return -EPERM;
	long n = call6(SYS_process_vm_readv, call3(SYS_getpid, 0, 0, 0), (long)&here, 1,
	               (long)&there, 1, 0);
	if (failed(n))
		return (int)n;
	return (size_t)n == bytes ? 0 : -EFAULT;
}

uint64_t os_random(void)
{
	uint64_t bits;
	if (call3(SYS_getrandom, (long)&bits, sizeof(bits), 1 /* GRND_NONBLOCK */) == sizeof(bits))
		return bits;
	return os_clock_ns() * 0x9e3779b97f4a7c15u ^ (uintptr_t)&bits;
}

uint64_t os_random_layout(void)
{
	long now = call3(SYS_personality, 0xffffffff, 0, 0);
	return !failed(now) && now & ADDR_NO_RANDOMIZE ? 0x9e3779b97f4a7c15u : os_random();
}

void os_write_stderr(const char *text, size_t bytes)
{
	while (bytes) {
		long n = call3(SYS_write, STDERR_FILENO, (long)text, (long)bytes);
		if (n == -EINTR)
			continue;
		if (failed(n) || n == 0)
			return;
		text += n;
		bytes -= (size_t)n;
	}
}

/* Reads at most `bytes` of a file; returns how many, or -errno. */
static long read_file(const char *path, char *buffer, size_t bytes)
{
	long fd = call3(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
	if (failed(fd))
		return fd;
	size_t done = 0;
	while (done < bytes) {
		long n = call3(SYS_read, fd, (long)(buffer + done), (long)(bytes - done));
		if (failed(n) || n == 0)
			break;
		done += (size_t)n;
	}
	call3(SYS_close, fd, 0, 0);
	return (long)done;
}

/* --- the process's start ---------------------------------------------------------------------- */

static bool set_user_id;

/* The kernel's image of a shared object, loaded at one
 * piece; nothing of it is read beyond `end`. */
struct image {
	uintptr_t base, end;
	uintptr_t shift; /* to be added to addresses */
	uintptr_t symbols, names;
};

enum { IMAGE_MAX = 256 * 1024, SEGMENTS_MAX = 16, TAGS_MAX = 64 };

/* `bytes` at that address; NULL when they are not within the image. */
static const void *image_at(const struct image *image, uintptr_t at, size_t bytes)
{
	bool within = at >= image->base && at <= image->end && bytes <= image->end - at;
	return within && at % sizeof(uint32_t) == 0 ? (const void *)at : NULL;
}

static bool find_tables(struct image *image, uintptr_t dynamic)
{
	const Elf64_Dyn *tag;
	for (unsigned i = 0; i < TAGS_MAX; i++, dynamic += sizeof(*tag)) {
		tag = image_at(image, dynamic, sizeof(*tag));
		if (!tag || tag->d_tag == DT_NULL)
			break;
		if (tag->d_tag == DT_SYMTAB)
			image->symbols = image->shift + tag->d_un.d_ptr;
		if (tag->d_tag == DT_STRTAB)
			image->names = image->shift + tag->d_un.d_ptr;
	}
	return image->symbols && image->names > image->symbols;
}

static bool find_image(struct image *image, uintptr_t base)
{
	*image = (struct image){.base = base, .end = base + sizeof(Elf64_Ehdr)};
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
	const unsigned char *magic = header->e_ident;
	uintptr_t dynamic = 0;
	if (base % PAGE_SIZE || magic[0] != ELFMAG0 || magic[1] != ELFMAG1 || magic[2] != ELFMAG2 ||
	    magic[3] != ELFMAG3 || magic[EI_CLASS] != ELFCLASS64 ||
	    header->e_phnum > SEGMENTS_MAX ||
	    header->e_phoff > PAGE_SIZE - SEGMENTS_MAX * sizeof(Elf64_Phdr))
		return false;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(base + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type == PT_LOAD && segment->p_filesz <= IMAGE_MAX) {
			image->end = base + segment->p_offset + segment->p_filesz;
			image->shift = base + segment->p_offset - segment->p_vaddr;
		}
		if (segment->p_type == PT_DYNAMIC)
			dynamic = base + segment->p_offset;
	}
	return dynamic && find_tables(image, dynamic);
}

/* Linkers put the names right behind the symbols. */
static uintptr_t find_function(const struct image *image, const char *name, size_t bytes)
{
	const Elf64_Sym *symbol;
	for (uintptr_t at = image->symbols; at + sizeof(*symbol) <= image->names;
	     at += sizeof(*symbol)) {
		symbol = image_at(image, at, sizeof(*symbol));
		uintptr_t text = symbol ? image->names + symbol->st_name : 0;
		size_t n = 0;
		while (n < bytes && text + n >= image->base && text + n < image->end &&
		       ((const char *)text)[n] == name[n])
			n++;
		if (n == bytes && symbol->st_shndx != SHN_UNDEF &&
		    ELF64_ST_TYPE(symbol->st_info) == STT_FUNC)
			return image->shift + symbol->st_value;
	}
	return 0;
}

static void find_clock(uintptr_t vdso)
{
	static const char name[] = "__vdso_clock_gettime";
	struct image image;
	if (!vdso || !find_image(&image, vdso))
		return;
	uintptr_t function = find_function(&image, name, sizeof(name));
	if (function >= image.base && function < image.end)
		vdso_clock = (clock_function *)function;
}

/* In its words, when nothing more is to be had. A program that gains rights is not dumpable. */
static bool may_have_gained_rights(void)
{
	return call3(SYS_getuid, 0, 0, 0) != call3(SYS_geteuid, 0, 0, 0) ||
	       call3(SYS_getgid, 0, 0, 0) != call3(SYS_getegid, 0, 0, 0) ||
	       call3(SYS_prctl, PR_GET_DUMPABLE, 0, 0) != 1;
}

#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856 /* Linux 6.4 */
#endif

/* Not getauxval(), which is anybody's to replace. */
void os_init(void)
{
	Elf64_auxv_t words[64];
	uintptr_t vdso = 0;
	long n = read_file("/proc/self/auxv", (char *)words, sizeof(words));
	if (n <= 0)
		n = call3(SYS_prctl, PR_GET_AUXV, (long)words, sizeof(words));
	if (failed(n) || n == 0) {
		set_user_id = may_have_gained_rights();
		return;
	}
	for (size_t i = 0; i < min_size((size_t)n, sizeof(words)) / sizeof(*words); i++) {
		if (words[i].a_type == AT_SECURE)
			set_user_id = words[i].a_un.a_val;
		if (words[i].a_type == AT_SYSINFO_EHDR)
			vdso = words[i].a_un.a_val;
	}
	find_clock(vdso);
}

/* --- faults ----------------------------------------------------------------------------------- */

typedef void signal_handler(int, siginfo_t *, void *);

/* As the kernel has it; libc's sigaction() could be interposed. */
struct kernel_action {
	signal_handler *handler;
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

static struct kernel_action action_before;
static void (*report_fault)(uintptr_t address, bool write);

/* These bytes are what debuggers know a signal's frame by. */
void os_signal_return(void);
__asm__(".text\n"
        ".balign 16\n"
        "nop\n"
        ".hidden os_signal_return\n"
        ".globl os_signal_return\n"
        ".type os_signal_return, @function\n"
        "os_signal_return:\n\t"
        "movq $15, %rax\n\t"
        "syscall\n"
        ".size os_signal_return, . - os_signal_return\n");

static int set_action(const struct kernel_action *action, struct kernel_action *before)
{
	return (int)call6(SYS_rt_sigaction, SIGSEGV, (long)action, (long)before,
	                  sizeof(action->mask), 0, 0);
}

static bool is_function(const struct kernel_action *action)
{
	return (uintptr_t)action->handler != (uintptr_t)SIG_DFL &&
	       (uintptr_t)action->handler != (uintptr_t)SIG_IGN;
}

/* What would have happened without us. A fault happens again, so that returning is dying of it; a
 * signal that was sent has to be sent once more. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	if (is_function(&action_before)) {
		action_before.handler(number, info, context);
		return;
	}
	bool sent = info->si_code <= 0;
	if (sent && (uintptr_t)action_before.handler == (uintptr_t)SIG_IGN)
		return;
	set_action(&action_before, NULL);
	if (sent)
		call3(SYS_tgkill, call3(SYS_getpid, 0, 0, 0), os_tid(), number);
}

enum { FAULT_WRITE = 2 }; /* bit of x86's error code */

static void on_fault(int number, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;
	if (info->si_code > 0 && info->si_code != SI_KERNEL)
		report_fault((uintptr_t)info->si_addr,
		             at->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE);
	pass_on(number, info, context);
}

int os_watch_faults(void (*fault)(uintptr_t address, bool write))
{
	static const struct kernel_action action = {
	        .handler = on_fault,
	        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
	        .restorer = os_signal_return,
	};
	report_fault = fault;
	return set_action(&action, &action_before);
}

/* --- /proc ------------------------------------------------------------------------------------ */

static uint64_t read_hex(const char **text)
{
	uint64_t number = 0;
	for (;; ++*text) {
		unsigned c = (unsigned char)**text, digit = c - '0';
		if (digit > 9)
			digit = c - 'a' < 6 ? c - 'a' + 10 : 16;
		if (digit > 15)
			return number;
		number = number << 4 | digit;
	}
}

/* START-END PERMISSIONS OFFSET DEVICE INODE PATH */
static bool mapping_holds(const char *line, uintptr_t address, char *name, size_t bytes,
                          uint64_t *offset)
{
	uint64_t start = read_hex(&line);
	line += *line == '-';
	if (address < start || address >= read_hex(&line))
		return false;
	while (*line == ' ')
		line++;
	while (*line && *line != ' ')
		line++;
	line += *line == ' ';
	*offset = read_hex(&line) + (address - start);
	while (*line && *line != '/')
		line++;
	size_t n = 0;
	while (n < bytes - 1 && line[n]) {
		name[n] = line[n];
		n++;
	}
	name[n] = 0;
	return true;
}

/*
 * Reads /proc/self/maps and has each line looked at, until one says that it was the last that is
 * needed. Long lines are cut. 0, or why the file cannot be read.
 */
static int each_mapping(bool (*look)(const char *line, void *context), void *context)
{
	char block[1024], line[256];
	size_t used = 0;
	bool done = false;
	long n, fd = call3(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (failed(fd))
		return (int)fd;
	while (!done && !failed(n = call3(SYS_read, fd, (long)block, sizeof(block))) && n) {
		for (long i = 0; i < n && !done; i++) {
			bool ends = block[i] == '\n';
			if (ends || used < sizeof(line) - 1)
				line[used++] = ends ? 0 : block[i];
			if (!ends)
				continue;
			used = 0;
			done = look(line, context);
		}
	}
	call3(SYS_close, fd, 0, 0);
	return 0;
}

struct file_search {
	uintptr_t address;
	char *name;
	size_t bytes;
	uint64_t *offset;
	bool found;
};

static bool look_for_file(const char *line, void *context)
{
	struct file_search *search = context;
	search->found =
	        mapping_holds(line, search->address, search->name, search->bytes, search->offset);
	return search->found;
}

bool os_mapped_file(uintptr_t address, char *name, size_t bytes, uint64_t *offset)
{
	struct file_search search = {address, name, bytes, offset, false};
	each_mapping(look_for_file, &search);
	return search.found && name[0];
}

struct gap_search {
	uintptr_t from, end; /* no mapping that was seen reaches beyond `from` */
	size_t bytes, align;
	bool found;
};

/* Mappings come in the order of their addresses. */
static bool look_for_gap(const char *line, void *context)
{
	struct gap_search *search = context;
	uintptr_t start = read_hex(&line);
	line += *line == '-';
	search->found = start >= search->from && start - search->from >= search->bytes;
	if (!search->found)
		search->from = round_up(max_size(search->from, read_hex(&line)), search->align);
	return search->found || search->from >= search->end;
}

int os_find_gap(uintptr_t first, uintptr_t end, size_t bytes, size_t align, uintptr_t *gap)
{
	struct gap_search search = {round_up(first, align), end, bytes, align, false};
	int err = each_mapping(look_for_gap, &search);
	if (err)
		return err;
	if (search.from >= end || end - search.from < bytes)
		return -ENOENT;
	*gap = search.from;
	return 0;
}

void os_note_kernel(void)
{
	char text[64];
	long n = read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	filtered_at_start = lock_state() > 0; /* it is asked for the filter so far */
	lock_at_start = lock_state();
	draw_hint();
	if (n <= 0)
		return;
	huge_pages_unasked = false; /* the word in force stands in brackets */
	for (long i = 0; i + 1 < n; i++)
		huge_pages_unasked |= text[i] == '[' && text[i + 1] == 'a';
}

size_t os_resident_bytes(void)
{
	char text[128];
	long n = read_file("/proc/self/statm", text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = 0;
	const char *s = text;
	while (*s && *s != ' ')
		s++;
	size_t pages = 0;
	for (s += *s == ' '; *s >= '0' && *s <= '9'; s++)
		pages = pages * 10 + (size_t)(*s - '0');
	return pages * PAGE_SIZE;
}

void os_each_environment(void (*each)(const char *entry))
{
	if (set_user_id)
		return;
	if (environ) {
		for (char **e = environ; *e; e++)
			each(*e);
		return;
	}
	/* Called by the dynamic loader, before libc's own initialisation. */
	void *base;
	size_t bytes = 256 * 1024;
	if (os_map(bytes, PAGE_SIZE, &base))
		return;
	char *text = base;
	long n = read_file("/proc/self/environ", text, bytes - 1);
	for (long i = 0; i < n; i++) {
		each(text + i);
		while (i < n && text[i])
			i++;
	}
	os_unmap(base, bytes);
}
