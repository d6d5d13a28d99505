/* Reading rk_backend_magic out of a file.
 *
 * dlopen runs a library's constructors before anything in it can be looked at.  So the magic is
 * read from the ELF image: the dynamic symbol table says where it lies, the program headers where
 * that is in the file.  It holds no addresses, so the file's bytes are its value. */
#include "device/hub.h"
#include "base/library.h"
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PLUGIN_BYTES_MAX = 256 << 20 };
#define SYMBOL "rk_backend_magic"

typedef struct image {
    unsigned char *bytes;
    uint64_t n;
} image;

/* Copies bytes from an offset of the image; false if they are not all inside. */
static bool take(const image *m, uint64_t offset, void *out, uint64_t bytes)
{
    if (offset > m->n || bytes > m->n - offset) return false;
    memcpy(out, m->bytes + offset, bytes);
    return true;
}

static rk_status read_file(const char *path, image *m, rk_error *e)
{
    struct stat s;
    FILE *f = fopen(path, "rb");
    if (!f) return RK_FAIL(e, RK_E_IO, "it cannot be read: %s", strerror(errno));
    bool sized = fstat(fileno(f), &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0 &&
                 s.st_size <= PLUGIN_BYTES_MAX;
    m->n = sized ? (uint64_t)s.st_size : 0;
    m->bytes = sized ? malloc(m->n) : NULL;
    bool complete = m->bytes && fread(m->bytes, 1, m->n, f) == m->n;
    fclose(f);
    if (complete) return RK_OK;
    if (!sized) return RK_FAIL(e, RK_E_ABI, "it has more than %d bytes", PLUGIN_BYTES_MAX);
    if (!m->bytes) return RK_FAIL(e, RK_E_NOMEM, "no memory to read it");
    return RK_FAIL(e, RK_E_IO, "it cannot be read whole");
}

/* Is the string at this offset of the string section the symbol's name? */
static bool is_magic(const image *m, const ElfW(Shdr) * strings, uint64_t name)
{
    char text[sizeof SYMBOL];
    return name <= strings->sh_size && sizeof text <= strings->sh_size - name &&
           take(m, strings->sh_offset + name, text, sizeof text) &&
           memcmp(text, SYMBOL, sizeof text) == 0;
}

static bool find_in(const image *m, const ElfW(Shdr) * symbols, const ElfW(Shdr) * strings,
                    ElfW(Sym) * out)
{
    for (uint64_t i = 0; i < symbols->sh_size / sizeof *out; i++) {
        if (!take(m, symbols->sh_offset + i * sizeof *out, out, sizeof *out)) return false;
        if (out->st_shndx != SHN_UNDEF && is_magic(m, strings, out->st_name)) return true;
    }
    return false;
}

static bool find_symbol(const image *m, const ElfW(Ehdr) * h, ElfW(Sym) * out)
{
    ElfW(Shdr) symbols, strings;
    if (h->e_shentsize != sizeof symbols) return false;
    for (uint64_t i = 0; i < h->e_shnum; i++) {
        if (!take(m, h->e_shoff + i * sizeof symbols, &symbols, sizeof symbols)) return false;
        if (symbols.sh_type != SHT_DYNSYM || symbols.sh_entsize != sizeof *out) continue;
        return symbols.sh_link < h->e_shnum &&
               take(m, h->e_shoff + symbols.sh_link * sizeof strings, &strings, sizeof strings) &&
               find_in(m, &symbols, &strings, out);
    }
    return false;
}

/* The bytes at an address that the image would have in memory. */
static bool take_address(const image *m, const ElfW(Ehdr) * h, uint64_t address, void *out,
                         uint64_t bytes)
{
    ElfW(Phdr) p;
    for (uint64_t i = 0; i < h->e_phnum; i++) {
        if (!take(m, h->e_phoff + i * sizeof p, &p, sizeof p)) return false;
        if (p.p_type != PT_LOAD || address < p.p_vaddr) continue;
        uint64_t inside = address - p.p_vaddr;
        if (inside <= p.p_filesz && bytes <= p.p_filesz - inside)
            return take(m, p.p_offset + inside, out, bytes);
    }
    return false;
}

static rk_status find_magic(const image *m, rk_magic *out, rk_error *e)
{
    ElfW(Ehdr) h;
    ElfW(Sym) symbol;
    if (!take(m, 0, &h, sizeof h) || !find_symbol(m, &h, &symbol))
        return RK_FAIL(e, RK_E_ABI, "not a backend: it does not export " SYMBOL);
    if (symbol.st_size < sizeof *out || !take_address(m, &h, symbol.st_value, out, sizeof *out))
        return RK_FAIL(e, RK_E_ABI, "its " SYMBOL " has %llu bytes, expected %zu",
                       (unsigned long long)symbol.st_size, sizeof *out);
    return RK_OK;
}

rk_status rk_magic_read(const char *path, rk_magic *out, rk_error *e)
{
    image m = {NULL, 0};
    RK_TRY(rk_library_whole(path, e));
    rk_status status = read_file(path, &m, e);
    if (status == RK_OK) status = find_magic(&m, out, e);
    free(m.bytes);
    return status;
}

rk_status rk_magic_check(const rk_magic *m, rk_error *e)
{
    static const char *const sanitizers[] = {"no sanitizer", "the address sanitizer",
                                             "the thread sanitizer"};
    enum { N = sizeof sanitizers / sizeof *sanitizers };
    static const char tag[sizeof m->tag] = RK_BACKEND_TAG;
    if (memcmp(m->tag, tag, sizeof tag) != 0)
        return RK_FAIL(e, RK_E_ABI, "not a backend: its " SYMBOL " does not begin with %s", tag);
    if (m->endian != 0x01020304u || m->pointer_bits != 8 * sizeof(void *))
        return RK_FAIL(e, RK_E_ABI, "made for another machine: %u-bit pointers, byte order %08x",
                       m->pointer_bits, m->endian);
    if (m->abi_major != RK_ABI_MAJOR)
        return RK_FAIL(e, RK_E_ABI,
                       "written for version %u of the backend interface, this is %u: rebuild it "
                       "with the rethink/backend.h of this version",
                       m->abi_major, RK_ABI_MAJOR);
    if (m->sanitizer != RK_SANITIZER)
        return RK_FAIL(e, RK_E_ABI, "built with %s, this program with %s: build both alike",
                       m->sanitizer < N ? sanitizers[m->sanitizer] : "an unknown sanitizer",
                       sanitizers[RK_SANITIZER]);
    return RK_OK;
}
