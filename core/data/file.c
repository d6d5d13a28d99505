/* rk_file_read: whole files, gzip or not. */
#include "base/error.h"
#include "rethink/plugin.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

typedef struct bytes {
    uint8_t *data;
    uint64_t n, cap;
} bytes;

static rk_status too_long(const char *path, uint64_t limit, rk_error *e)
{
    return RK_FAIL(e, RK_E_INVALID, "%s: longer than the %llu bytes allowed here", path,
                   (unsigned long long)limit);
}

static rk_status no_memory(const char *path, uint64_t n, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "%s: no memory for its %llu bytes", path, (unsigned long long)n);
}

/* Reads until the end, into `first` bytes to begin with: files in /proc and pipes do not tell
 * their size. */
static rk_status read_all(int fd, const char *path, uint64_t first, uint64_t limit, bytes *b,
                          rk_error *e)
{
    for (;;) {
        if (b->n == b->cap) {
            uint64_t cap = b->cap ? 2 * b->cap : first;
            uint8_t *data = realloc(b->data, cap);
            if (!data) return no_memory(path, cap, e);
            b->data = data;
            b->cap = cap;
        }
        ssize_t got = read(fd, b->data + b->n, b->cap - b->n);
        if (got == 0) return RK_OK;
        if (got < 0 && errno != EINTR) return RK_FAIL(e, RK_E_IO, "%s: %s", path, strerror(errno));
        if (got > 0) b->n += (uint64_t)got;
        if (b->n > limit) return too_long(path, limit, e);
    }
}

static rk_status open_and_read(const char *path, uint64_t limit, bytes *b, rk_error *e)
{
    struct stat s;
    uint64_t first = 65536;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return RK_FAIL(e, RK_E_IO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &s) == 0 && s.st_size > 0 && (uint64_t)s.st_size <= limit)
        first = (uint64_t)s.st_size + 1; /* one more, to see the end without growing */
    rk_status status = read_all(fd, path, first, limit, b, e);
    close(fd);
    return status;
}

/* Inflates all members of in, one after the other, into *out. */
static rk_status inflate_members(z_stream *z, const bytes *in, const char *path, uint64_t limit,
                                 bytes *out, rk_error *e)
{
    enum { STEP = 1 << 30 }; /* zlib counts in 32 bits */
    z->next_in = in->data;
    for (;;) {
        if (out->n == out->cap) {
            uint64_t cap = out->cap ? 2 * out->cap : 4 * in->n + 65536;
            uint8_t *data = out->n > limit ? NULL : realloc(out->data, cap);
            if (!data) return out->n > limit ? too_long(path, limit, e) : no_memory(path, cap, e);
            out->data = data;
            out->cap = cap;
        }
        uint64_t left = in->n - (uint64_t)(z->next_in - in->data), room = out->cap - out->n;
        z->avail_in = (uInt)(left < STEP ? left : STEP);
        z->avail_out = (uInt)(room < STEP ? room : STEP);
        z->next_out = out->data + out->n;
        int r = inflate(z, Z_NO_FLUSH);
        out->n = (uint64_t)(z->next_out - out->data);
        left = in->n - (uint64_t)(z->next_in - in->data);
        if (r == Z_STREAM_END && left == 0) break;
        if (r == Z_STREAM_END && inflateReset(z) == Z_OK) continue;
        if (r == Z_MEM_ERROR) return no_memory(path, out->cap, e);
        if (r == Z_BUF_ERROR || (r == Z_OK && left == 0 && z->avail_out > 0))
            return RK_FAIL(
                e, RK_E_INVALID,
                "%s: the gzip data end too early, after %llu bytes: the file is truncated", path,
                (unsigned long long)in->n);
        if (r != Z_OK)
            return RK_FAIL(e, RK_E_INVALID, "%s: damaged gzip data: %s", path,
                           z->msg ? z->msg : zError(r));
    }
    return out->n > limit ? too_long(path, limit, e) : RK_OK;
}

static rk_status unpack(const bytes *in, const char *path, uint64_t limit, bytes *out, rk_error *e)
{
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return no_memory(path, in->n, e); /* 16: gzip only */
    rk_status status = inflate_members(&z, in, path, limit, out, e);
    inflateEnd(&z);
    return status;
}

rk_status rk_file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *n, rk_error *e)
{
    bytes raw = {0}, whole = {0};
    *data = NULL;
    *n = 0;
    rk_status status = open_and_read(path, limit, &raw, e);
    if (status == RK_OK && raw.n >= 2 && raw.data[0] == 0x1F && raw.data[1] == 0x8B) {
        status = unpack(&raw, path, limit, &whole, e);
        free(raw.data);
        raw = whole;
    }
    if (status != RK_OK) {
        free(raw.data);
        return status;
    }
    *data = raw.data;
    *n = raw.n;
    return RK_OK;
}
