/* SPDX-License-Identifier: MIT */
#include "bench/proof.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/json_text.h"
#include "bench/resources.h"

enum { FRESH_BYTES = 40 };

/* Notes are name and descriptor, each padded to 4 bytes. */
static bool build_id_in_notes(const char *notes, size_t bytes, char text[BUILD_ID_TEXT])
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)notes;
		size_t name = (note->n_namesz + 3u) & ~3u, used = sizeof(*note) + name;
		size_t length = used + ((note->n_descsz + 3u) & ~3u);
		if (length > bytes)
			return false;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    note->n_descsz <= 32 && !memcmp(notes + sizeof(*note), "GNU", 4)) {
			for (size_t i = 0; i < note->n_descsz; i++)
				snprintf(text + 2 * i, 3, "%02x", (unsigned char)notes[used + i]);
			return true;
		}
		notes += length;
		bytes -= length;
	}
	return false;
}

bool proof_build_id_of_file(const char *path, char text[BUILD_ID_TEXT])
{
	struct stat stat;
	bool found = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &stat) || (size_t)stat.st_size < sizeof(ElfW(Ehdr))) {
		close(fd);
		return false;
	}
	size_t bytes = (size_t)stat.st_size;
	const char *file = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	const ElfW(Ehdr) *header = (const void *)file;
	if (!memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	    header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) <= bytes) {
		const ElfW(Phdr) *segment = (const void *)(file + header->e_phoff);
		for (int i = 0; i < header->e_phnum && !found; i++)
			if (segment[i].p_type == PT_NOTE &&
			    segment[i].p_offset + segment[i].p_filesz <= bytes)
				found = build_id_in_notes(file + segment[i].p_offset,
				                          segment[i].p_filesz, text);
	}
	munmap((void *)file, bytes);
	return found;
}

struct search {
	uintptr_t address;
	char *text;
	bool found;
};

static int look_into_object(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct search *search = argument;
	bool here = false;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		here = here || (info->dlpi_phdr[i].p_type == PT_LOAD && search->address >= start &&
		                search->address - start < info->dlpi_phdr[i].p_memsz);
	}
	for (int i = 0; here && i < info->dlpi_phnum && !search->found; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			search->found = build_id_in_notes((const char *)info->dlpi_addr +
			                                          info->dlpi_phdr[i].p_vaddr,
			                                  info->dlpi_phdr[i].p_memsz, search->text);
	return here;
}

/* In a process of its own, as it may not survive this. */
static bool double_free_is_caught(void)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		/* Some other blocks are freed in between, which hides it from a look at the last
		   few. */
		void *volatile block[8];
		for (int i = 0; i < 8; i++)
			block[i] = malloc(FRESH_BYTES);
		for (int i = 0; i < 8; i++)
			free(block[i]);
		free(block[0]);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void print_options(void)
{
	int (*option)(const char *, uint64_t *) =
	        (int (*)(const char *, uint64_t *))dlsym(RTLD_DEFAULT, "hak_option");
	const char *separator = "";
	printf(",\"options\":{");
	for (char **variable = environ; *variable; variable++) {
		char name[64];
		uint64_t value;
		size_t length = strcspn(*variable, "=");
		if (strncmp(*variable, "HAKMEM_", 7) != 0 || length >= sizeof(name))
			continue;
		memcpy(name, *variable, length);
		name[length] = '\0';
		printf("%s", separator);
		json_string(name);
		if (option && !option(name, &value))
			printf(":%llu", (unsigned long long)value);
		else
			printf(":null");
		separator = ",";
	}
	printf("}");
}

void proof_print(bool destructively)
{
	static char program_data;
	char text[BUILD_ID_TEXT];
	bool (*owns)(const void *) = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "hak_owns");
	const char *(*mode)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "hak_mode");
	struct search search = {.address = (uintptr_t)dlsym(RTLD_DEFAULT, "malloc"), .text = text};
	char *block = malloc(FRESH_BYTES);
	bool owned = owns && owns(block);
	bool in_heap = block > &program_data && block < (char *)sbrk(0);
	free(block);
	dl_iterate_phdr(look_into_object, &search);

	printf("{\"allocator\":");
	json_string(resources_allocator());
	printf(search.found ? ",\"build_id\":\"%s\"" : ",\"build_id\":null", text);
	printf(",\"owned\":%s,\"in_heap\":%s", owned ? "true" : "false",
	       in_heap ? "true" : "false");
	printf(mode ? ",\"mode\":\"%s\"" : ",\"mode\":null", mode ? mode() : NULL);
	print_options();
	if (destructively)
		printf(",\"double_free_caught\":%s", double_free_is_caught() ? "true" : "false");
	printf("}");
}
