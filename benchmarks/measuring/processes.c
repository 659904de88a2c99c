// Preloaded into every process of a build: at its end each process appends a line to the file $PROCESSES, with the
// microseconds of CPU that it took (user and system), a tab, and its command line.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// The module and the output stand within it, among the names of many files.
enum { LONGEST = 64 * 1024 };

static int written;

__attribute__((destructor)) static void append(void) {
    const char *path = getenv("PROCESSES");
    if (written || !path) return;
    written = 1;
    static char line[LONGEST];
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    int start = snprintf(line, sizeof line, "%ld\t", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L
                         + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t count = read(file, line + start, sizeof line - start - 1);
    close(file);
    if (count < 0) count = 0;
    for (char *byte = line + start; byte < line + start + count; byte++)
        if (*byte == '\0' || *byte == '\n') *byte = ' ';
    line[start + count] = '\n';
    // One write to the end of the file, so that lines do not mix.
    file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (write(file, line, start + count + 1) < 0) perror("processes.c");
    close(file);
}

// The linker ends with these, past the destructors.
void _exit(int status) {
    append();
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}

void _Exit(int status) { _exit(status); }
