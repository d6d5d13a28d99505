/* A plugin's table, read by the rules of growth in backend.h. */
#include "device/hub.h"
#include <string.h>

enum { TABLE_BYTES_MAX = 65536 };
#define REMEDY "rebuild it with the rethink/backend.h of this version"

static bool all_zero(const void *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (((const unsigned char *)p)[i]) return false;
    return true;
}

static const char *missing(const rk_backend *t)
{
    if (!t->enumerate) return "enumerate";
    if (!t->open) return "open";
    if (!t->close) return "close";
    if (!t->mem_alloc) return "mem_alloc";
    if (!t->mem_free) return "mem_free";
    if (!t->write) return "write";
    if (!t->read) return "read";
    if (!t->prepare) return "prepare";
    if (!t->launch) return "launch";
    if (!t->release) return "release";
    if (!t->sync) return "sync";
    return NULL;
}

/* Lower-case letters, digits, - and _: it is the part of a device's spec before the colon. */
static bool name_valid(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    return n > 0 && n < 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

rk_status rk_table_check(const rk_backend *theirs, rk_backend *out, rk_error *e)
{
    if (theirs->size < offsetof(rk_backend, name) || theirs->size > TABLE_BYTES_MAX)
        return RK_FAIL(e, RK_E_ABI,
                       "its table says it has %u bytes, this version's has %zu: " REMEDY,
                       theirs->size, sizeof *out);
    if (theirs->abi_major != RK_ABI_MAJOR)
        return RK_FAIL(e, RK_E_ABI, "its table is of version %u, its magic of %u: " REMEDY,
                       theirs->abi_major, RK_ABI_MAJOR);
    if (!all_zero(theirs, sizeof *out, theirs->size))
        return RK_FAIL(e, RK_E_ABI,
                       "its table has %u bytes and uses fields that this version (%zu bytes) does "
                       "not know: update rethink",
                       theirs->size, sizeof *out);
    memset(out, 0, sizeof *out);
    memcpy(out, theirs, theirs->size < sizeof *out ? theirs->size : sizeof *out);
    const char *absent = missing(out);
    if (absent)
        return RK_FAIL(e, RK_E_ABI, "its table (%u bytes) lacks the function %s", theirs->size,
                       absent);
    if (!name_valid(out->name))
        return RK_FAIL(e, RK_E_ABI, "its name is none: lower-case letters, digits, - and _");
    return RK_OK;
}
