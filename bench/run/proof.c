/* SPDX-License-Identifier: MIT */
#include "bench/run/proof.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/elf_file.h"
#include "bench/run/json_text.h"
#include "bench/base/resources.h"

enum { FRESH_BYTES = 40 };

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
			search->found = elf_build_id_in_notes(
			        (const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
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
