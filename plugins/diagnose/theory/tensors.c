/* A safetensors file: the length of the header, the header in JSON, the data. */
#include "tensors.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void describe(char *text, size_t cap, const tensor *t, uint64_t begin)
{
    size_t at = (size_t)snprintf(text, cap, ",\"%s\":{\"dtype\":\"F64\",\"shape\":[", t->name);
    for (uint32_t i = 0; i < t->shape.rank; i++)
        at += (size_t)snprintf(text + at, cap - at, "%s%lld", i ? "," : "",
                               (long long)t->shape.dim[i]);
    uint64_t end = begin + (uint64_t)rk_shape_size(t->shape) * sizeof(double);
    snprintf(text + at, cap - at, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
             (unsigned long long)end);
}

static bool put(FILE *file, const tensor *t, uint32_t n, const char *note)
{
    char header[4096];
    uint64_t begin = 0;
    size_t at =
        (size_t)snprintf(header, sizeof header, "{\"__metadata__\":{\"note\":\"%s\"}", note);
    for (uint32_t i = 0; i < n && at < sizeof header; i++) {
        describe(header + at, sizeof header - at, &t[i], begin);
        at += strlen(header + at);
        begin += (uint64_t)rk_shape_size(t[i].shape) * sizeof(double);
    }
    uint64_t length = (at + 1 + 7) / 8 * 8; /* data begin at a multiple of 8 */
    if (fwrite(&length, sizeof length, 1, file) != 1) return false;
    if (fprintf(file, "%s}%*s", header, (int)(length - at - 1), "") != (int)length) return false;
    for (uint32_t i = 0; i < n; i++) {
        size_t size = (size_t)rk_shape_size(t[i].shape);
        if (fwrite(t[i].data, sizeof(double), size, file) != size) return false;
    }
    return true;
}

rk_status tensors_write(const char *path, const tensor *t, uint32_t n, const char *note,
                        rk_error *e)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return rk_error_set(e, RK_E_INVALID, "the path %.60s... is too long", path);
    FILE *file = fopen(part, "wb");
    bool good = file && put(file, t, n, note);
    if (file && fclose(file)) good = false;
    if (good && !rename(part, path)) return RK_OK;
    rk_status status = rk_error_set(e, RK_E_IO, "cannot write %s: %s", path, strerror(errno));
    if (file) remove(part);
    return status;
}
