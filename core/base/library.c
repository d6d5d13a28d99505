#include "base/library.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_library(const ElfW(Ehdr) * h)
{
    union {
        uint16_t word;
        unsigned char byte[2];
    } order = {.word = 1};
    unsigned char data = order.byte[0] ? ELFDATA2LSB : ELFDATA2MSB;
    return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_type == ET_DYN &&
           h->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           h->e_ident[EI_DATA] == data && h->e_phentsize == sizeof(ElfW(Phdr));
}

static bool take(int fd, uint64_t offset, void *out, size_t bytes)
{
    return offset <= INT64_MAX && pread(fd, out, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* Where what lies at an offset ends; the largest number if none can say it. */
static uint64_t end_of(uint64_t offset, uint64_t bytes)
{
    return bytes > UINT64_MAX - offset ? UINT64_MAX : offset + bytes;
}

/* The bytes that the program headers tell of, as far as these are there. */
static uint64_t bytes_told(int fd, const ElfW(Ehdr) * h)
{
    uint64_t told = end_of(h->e_phoff, (uint64_t)h->e_phnum * sizeof(ElfW(Phdr)));
    for (uint64_t i = 0; i < h->e_phnum; i++) {
        ElfW(Phdr) p;
        if (!take(fd, h->e_phoff + i * sizeof p, &p, sizeof p)) break;
        uint64_t end = end_of(p.p_offset, p.p_filesz);
        if (end > told) told = end;
    }
    return told;
}

static rk_status check(int fd, rk_error *e)
{
    ElfW(Ehdr) h;
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || !take(fd, 0, &h, sizeof h) || !is_library(&h))
        return RK_FAIL(e, RK_E_ABI, "not a shared library for this machine");
    uint64_t told = bytes_told(fd, &h);
    if (told <= (uint64_t)s.st_size) return RK_OK;
    return RK_FAIL(e, RK_E_ABI,
                   "it is truncated: %llu bytes, but its headers tell of %llu: copy or build it "
                   "again",
                   (unsigned long long)s.st_size, (unsigned long long)told);
}

rk_status rk_library_whole(const char *path, rk_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return RK_FAIL(e, RK_E_IO, "it cannot be read: %s", strerror(errno));
    rk_status status = check(fd, e);
    close(fd);
    return status;
}
