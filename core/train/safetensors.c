/* Writing; safetensors_read.c reads.  Data are written as the machine holds them: the devices that
 * rethink runs on are little-endian, as the format is. */
#include "train/safetensors.h"
#include "base/error.h"
#include "base/os.h"
#include "train/safetensors_dtype.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian");

uint64_t rk_stored_bytes(const rk_stored *t)
{
    const rk_dtype_name *d = rk_dtype_by_number(t->dtype);
    return d ? (uint64_t)rk_shape_size(t->shape) * d->bytes : 0;
}

static json_t *describe(const rk_stored *t, uint64_t begin)
{
    const rk_dtype_name *d = rk_dtype_by_number(t->dtype);
    json_t *shape = json_array();
    if (!d) {
        json_decref(shape);
        return NULL;
    }
    for (uint32_t i = 0; i < t->shape.rank; i++)
        json_array_append_new(shape, json_integer(t->shape.dim[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", d->name, "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + rk_stored_bytes(t)));
}

/* The header's text, padded with spaces so that data begin at a multiple of 8. */
static char *make_header(const rk_stored *tensors, uint32_t n, const rk_note *notes, uint32_t m,
                         uint64_t *length)
{
    json_t *root = json_object(), *meta = json_object();
    uint64_t at = 0;
    int bad = json_object_set_new(root, "__metadata__", meta);
    for (uint32_t i = 0; i < m; i++)
        bad |= json_object_set_new(meta, notes[i].key, json_string(notes[i].text));
    for (uint32_t i = 0; i < n; i++) {
        bad |= json_object_set_new(root, tensors[i].name, describe(&tensors[i], at));
        at += rk_stored_bytes(&tensors[i]);
    }
    char *text = bad ? NULL : json_dumps(root, JSON_COMPACT), *padded = NULL;
    json_decref(root);
    if (text) {
        size_t have = strlen(text), want = (have + 7) / 8 * 8;
        padded = malloc(want + 1);
        if (padded) snprintf(padded, want + 1, "%-*s", (int)want, text);
        *length = want;
    }
    free(text);
    return padded;
}

static rk_status put(int fd, const char *path, const void *data, uint64_t bytes, rk_error *e)
{
    const char *p = data;
    while (bytes) {
        ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return RK_FAIL(e, RK_E_IO, "cannot write %s: %s%s", path, strerror(errno),
                           errno == ENOSPC ? ": free some space" : "");
        p += n;
        bytes -= (uint64_t)n;
    }
    return RK_OK;
}

static rk_status put_tensors(int fd, const char *path, const rk_stored *tensors, uint32_t n,
                             rk_stored_fill fill, void *ctx, rk_error *e)
{
    uint64_t most = 1;
    for (uint32_t i = 0; i < n; i++)
        if (rk_stored_bytes(&tensors[i]) > most) most = rk_stored_bytes(&tensors[i]);
    char *buffer = malloc(most);
    if (!buffer) return RK_FAIL(e, RK_E_NOMEM, "no memory for %s", path);
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        status = fill(ctx, i, buffer, e);
        if (status == RK_OK) status = put(fd, path, buffer, rk_stored_bytes(&tensors[i]), e);
    }
    free(buffer);
    return status;
}

static rk_status sync_file(int fd, const char *path, rk_error *e)
{
    if (fsync(fd) != 0) return RK_FAIL(e, RK_E_IO, "cannot write %s: %s", path, strerror(errno));
    return RK_OK;
}

static rk_status write_all(const char *tmp, const rk_stored *tensors, uint32_t n,
                           const char *header, uint64_t length, rk_stored_fill fill, void *ctx,
                           rk_error *e)
{
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return RK_FAIL(e, RK_E_IO, "cannot make %s: %s", tmp, strerror(errno));
    rk_status status = put(fd, tmp, &length, sizeof length, e);
    if (status == RK_OK) status = put(fd, tmp, header, length, e);
    if (status == RK_OK) status = put_tensors(fd, tmp, tensors, n, fill, ctx, e);
    if (status == RK_OK) status = sync_file(fd, tmp, e);
    close(fd);
    return status;
}

rk_status rk_safetensors_write(const char *path, const rk_stored *tensors, uint32_t n,
                               const rk_note *notes, uint32_t m, rk_stored_fill fill, void *ctx,
                               rk_error *e)
{
    uint64_t length = 0;
    char *header = make_header(tensors, n, notes, m, &length), *tmp = NULL;
    rk_status status;
    if (!header || asprintf(&tmp, "%s.tmp", path) < 0) {
        free(header);
        return RK_FAIL(e, RK_E_NOMEM, "cannot make the header of %s", path);
    }
    status = write_all(tmp, tensors, n, header, length, fill, ctx, e);
    if (status == RK_OK && rename(tmp, path) != 0)
        status = RK_FAIL(e, RK_E_IO, "cannot make %s: %s", path, strerror(errno));
    if (status == RK_OK)
        status = rk_os_sync_folder(path, e);
    else
        unlink(tmp);
    free(header);
    free(tmp);
    return status;
}
