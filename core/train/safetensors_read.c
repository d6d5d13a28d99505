#include "base/error.h"
#include "train/safetensors.h"
#include "train/safetensors_dtype.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MAX = 100000000 }; /* the limit of the format's own readers */

struct rk_safetensors {
    int fd;
    char *path;
    json_t *header;
    uint64_t data, bytes; /* where data begin, and how many bytes they are */
    rk_stored *tensors;   /* by position in the file */
    uint64_t *begin;
    uint32_t n;
};

static const rk_dtype_name dtypes[] = {{RK_F32, 4, "F32"}, {RK_U32, 4, "U32"}, {RK_U8, 1, "U8"}};

const rk_dtype_name *rk_dtype_by_number(uint32_t dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].number == dtype) return &dtypes[i];
    return NULL;
}

const rk_dtype_name *rk_dtype_by_name(const char *name)
{
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, name) == 0) return &dtypes[i];
    return NULL;
}

static rk_status get(const rk_safetensors *f, uint64_t offset, void *dst, uint64_t bytes,
                     rk_error *e)
{
    char *p = dst;
    while (bytes) {
        ssize_t n = pread(f->fd, p, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return RK_FAIL(e, RK_E_IO, "cannot read %s: %s", f->path, strerror(errno));
        if (n == 0) return RK_FAIL(e, RK_E_IO, "%s is cut off", f->path);
        p += n;
        offset += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return RK_OK;
}

static rk_status damaged(const rk_safetensors *f, rk_error *e, const char *tensor, const char *what)
{
    if (tensor)
        return RK_FAIL(e, RK_E_IO, "%s is no proper safetensors file: %.64s: %s", f->path, tensor,
                       what);
    return RK_FAIL(e, RK_E_IO, "%s is no proper safetensors file: %s", f->path, what);
}

/* Sets *size to the product of the extents; false if one is no extent or the product overflows. */
static bool parse_shape(const json_t *list, rk_shape *shape, uint64_t *size)
{
    size_t rank = json_array_size(list);
    if (!json_is_array(list) || rank > RK_MAX_RANK) return false;
    *shape = (rk_shape){.rank = (uint32_t)rank};
    *size = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *extent = json_array_get(list, i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0) return false;
        shape->dim[i] = json_integer_value(extent);
        if (__builtin_mul_overflow(*size, (uint64_t)shape->dim[i], size)) return false;
        if (*size > INT64_MAX / 4) return false;
    }
    return true;
}

static rk_status parse_tensor(rk_safetensors *f, const char *name, const json_t *entry, rk_error *e)
{
    const json_t *range = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(range, 0), *last = json_array_get(range, 1);
    const rk_dtype_name *d = rk_dtype_by_name(json_string_value(json_object_get(entry, "dtype")));
    rk_stored t = {.name = name, .dtype = d ? d->number : 0};
    uint64_t size = 0;
    if (!d) return damaged(f, e, name, "its dtype is not one of F32, U32, U8");
    if (!parse_shape(json_object_get(entry, "shape"), &t.shape, &size))
        return damaged(f, e, name, "its shape is no list of up to 6 extents");
    if (json_array_size(range) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return damaged(f, e, name, "its data_offsets are no pair");
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > f->bytes)
        return damaged(f, e, name, "its data_offsets are outside of the file");
    if ((uint64_t)(end - begin) != size * d->bytes)
        return damaged(f, e, name, "its data_offsets do not fit its shape");
    f->tensors[f->n] = t;
    f->begin[f->n++] = (uint64_t)begin;
    return RK_OK;
}

/* Insertion sort by position; a file lists its tensors in that order almost always. */
static void sort_tensors(rk_safetensors *f)
{
    for (uint32_t i = 1; i < f->n; i++) {
        rk_stored t = f->tensors[i];
        uint64_t begin = f->begin[i];
        uint32_t j = i;
        /* Empty tensors come before one that begins at the same byte. */
        while (j && (f->begin[j - 1] > begin ||
                     (f->begin[j - 1] == begin && rk_stored_bytes(&t) == 0))) {
            f->tensors[j] = f->tensors[j - 1];
            f->begin[j] = f->begin[j - 1];
            j--;
        }
        f->tensors[j] = t;
        f->begin[j] = begin;
    }
}

static rk_status check_ranges(const rk_safetensors *f, rk_error *e)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->begin[i] < at)
            return damaged(f, e, f->tensors[i].name, "its data overlap another tensor's");
        if (f->begin[i] > at)
            return damaged(f, e, f->tensors[i].name, "there is a gap before its data");
        at += rk_stored_bytes(&f->tensors[i]);
    }
    if (at != f->bytes) return damaged(f, e, NULL, "bytes after the last tensor");
    return RK_OK;
}

static rk_status parse_header(rk_safetensors *f, const char *text, size_t length, rk_error *e)
{
    json_error_t why;
    const char *key;
    json_t *entry;
    f->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (!f->header) return damaged(f, e, NULL, why.text);
    if (!json_is_object(f->header)) return damaged(f, e, NULL, "its header is no JSON object");
    f->tensors = calloc(json_object_size(f->header) + 1, sizeof *f->tensors);
    f->begin = calloc(json_object_size(f->header) + 1, sizeof *f->begin);
    if (!f->tensors || !f->begin) return RK_FAIL(e, RK_E_NOMEM, "no memory for %s", f->path);
    json_object_foreach(f->header, key, entry) if (strcmp(key, "__metadata__") != 0)
        RK_TRY(parse_tensor(f, key, entry, e));
    sort_tensors(f);
    return check_ranges(f, e);
}

static rk_status read_header(rk_safetensors *f, rk_error *e)
{
    struct stat s;
    uint64_t length = 0;
    if (fstat(f->fd, &s) != 0)
        return RK_FAIL(e, RK_E_IO, "cannot read %s: %s", f->path, strerror(errno));
    if (!S_ISREG(s.st_mode) || s.st_size < 8) return damaged(f, e, NULL, "it has no header");
    RK_TRY(get(f, 0, &length, sizeof length, e));
    if (length > HEADER_MAX) return damaged(f, e, NULL, "its header is too long");
    if (length > (uint64_t)s.st_size - 8) return damaged(f, e, NULL, "its header is cut off");
    f->data = 8 + length;
    f->bytes = (uint64_t)s.st_size - f->data;
    char *text = malloc(length + 1);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory for the header of %s", f->path);
    rk_status status = get(f, 8, text, length, e);
    if (status == RK_OK) status = parse_header(f, text, length, e);
    free(text);
    return status;
}

rk_status rk_safetensors_open(const char *path, rk_safetensors **out, rk_error *e)
{
    rk_safetensors *f = calloc(1, sizeof *f);
    rk_status status;
    *out = NULL;
    if (f) f->path = strdup(path);
    if (!f || !f->path) {
        free(f);
        return RK_FAIL(e, RK_E_NOMEM, "no memory for %s", path);
    }
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        status = RK_FAIL(e, RK_E_IO, "cannot open %s: %s", path, strerror(errno));
    else
        status = read_header(f, e);
    if (status == RK_OK)
        *out = f;
    else
        rk_safetensors_close(f);
    return status;
}

void rk_safetensors_close(rk_safetensors *f)
{
    if (!f) return;
    if (f->fd >= 0) close(f->fd);
    json_decref(f->header);
    free(f->tensors);
    free(f->begin);
    free(f->path);
    free(f);
}

uint32_t rk_safetensors_list(const rk_safetensors *f, const rk_stored **out)
{
    *out = f->tensors;
    return f->n;
}

const char *rk_safetensors_note(const rk_safetensors *f, const char *key)
{
    return json_string_value(json_object_get(json_object_get(f->header, "__metadata__"), key));
}

uint32_t rk_safetensors_notes(const rk_safetensors *f, rk_note *out, uint32_t most)
{
    const char *key;
    json_t *text;
    uint32_t n = 0;
    json_object_foreach(json_object_get(f->header, "__metadata__"), key, text)
    {
        if (n < most) out[n] = (rk_note){key, json_string_value(text)};
        n++;
    }
    return n;
}

static bool same_shape(const rk_shape *a, const rk_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

rk_status rk_safetensors_read(const rk_safetensors *f, const rk_stored *want, void *dst,
                              rk_error *e)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const rk_stored *t = &f->tensors[i];
        if (strcmp(t->name, want->name) != 0) continue;
        if (t->dtype != want->dtype || !same_shape(&t->shape, &want->shape))
            return RK_FAIL(e, RK_E_INVALID, "%s: %s has another dtype or shape than is wanted",
                           f->path, want->name);
        return get(f, f->data + f->begin[i], dst, rk_stored_bytes(t), e);
    }
    return RK_FAIL(e, RK_E_INVALID, "%s has no tensor %s", f->path, want->name);
}
