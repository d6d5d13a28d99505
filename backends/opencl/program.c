/* Source to program.  A program is built once per device, and its binary is kept in the core's
 * cache under everything that it depends on.  A binary that the driver does not take (a new driver
 * with an old version number, a damaged entry) is built again from source and replaced. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1 }; /* of cache entries; part of their key */

static void start(rk_device *d, ocl_text *t, uint32_t width, int numerics)
{
    *t = (ocl_text){.host = d->host};
    ocl_text_add(t, "#define RK_WIDTH %u\n#define RK_CPU %d\n", width, d->cpu);
    if (numerics) {
        OCL_APPEND(t, ocl_cl_builtin);
        OCL_APPEND(t, ocl_cl_numerics);
    }
    OCL_APPEND(t, ocl_cl_common);
}

void ocl_source(rk_device *d, ocl_text *t, int numerics) { start(d, t, d->width, numerics); }
void ocl_source_wide(rk_device *d, ocl_text *t, uint32_t width) { start(d, t, width, 1); }

static void log_build(rk_device *d, cl_program p, rk_error *e)
{
    size_t n = 0;
    clGetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    char *log = n ? ocl_alloc(d->host, n + 1) : NULL;
    if (!log) return;
    clGetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, n, log, NULL);
    if (d->host->log) d->host->log(d->host->ctx, 1, log);
    if (e) {
        size_t used = strlen(e->text);
        snprintf(e->text + used, sizeof e->text - used, "; the compiler says: %s", log);
    }
    ocl_free(d->host, log);
}

static cl_program from_source(rk_device *d, const ocl_text *source, rk_error *e)
{
    cl_int code = CL_SUCCESS;
    const char *s = source->s;
    cl_program p = clCreateProgramWithSource(d->context, 1, &s, &source->n, &code);
    if (code == CL_SUCCESS) code = clBuildProgram(p, 1, &d->id, d->options, NULL, NULL);
    if (code == CL_SUCCESS) return p;
    ocl_status(d, code, "compiling a kernel", e);
    if (p) {
        log_build(d, p, e);
        clReleaseProgram(p);
    }
    return NULL;
}

static cl_program from_cache(rk_device *d, const ocl_text *key)
{
    size_t n = 0;
    const rk_host *host = d->host;
    if (!host->cache_get || !host->cache_get(host->ctx, key->s, key->n, NULL, &n) || !n)
        return NULL;
    unsigned char *blob = ocl_alloc(host, n);
    if (!blob) return NULL;
    size_t got = n;
    cl_program p = NULL;
    if (host->cache_get(host->ctx, key->s, key->n, blob, &got) && got == n) {
        cl_int status = CL_SUCCESS, code = CL_SUCCESS;
        const unsigned char *binary = blob;
        p = clCreateProgramWithBinary(d->context, 1, &d->id, &n, &binary, &status, &code);
        if (code == CL_SUCCESS && status == CL_SUCCESS)
            code = clBuildProgram(p, 1, &d->id, d->options, NULL, NULL);
        if (code != CL_SUCCESS || status != CL_SUCCESS) {
            ocl_log(host, 2, "opencl: %s took no cached binary (%s); building it again",
                    d->info.name, ocl_error_name(code != CL_SUCCESS ? code : status));
            if (p) clReleaseProgram(p);
            p = NULL;
        }
    }
    ocl_free(host, blob);
    return p;
}

static void to_cache(rk_device *d, const ocl_text *key, cl_program p)
{
    size_t n = 0;
    if (!d->host->cache_put ||
        clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof n, &n, NULL) != CL_SUCCESS || !n)
        return;
    unsigned char *blob = ocl_alloc(d->host, n);
    if (!blob) return;
    if (clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof blob, &blob, NULL) == CL_SUCCESS)
        d->host->cache_put(d->host->ctx, key->s, key->n, blob, n);
    ocl_free(d->host, blob);
}

static rk_status build(rk_device *d, const ocl_text *key, const ocl_text *source, cl_program *out,
                       rk_error *e)
{
    ocl_built *b = ocl_alloc(d->host, sizeof *b + key->n);
    if (!b) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a program's record");
    b->program = from_cache(d, key);
    if (!b->program) {
        b->program = from_source(d, source, e);
        if (!b->program) {
            ocl_free(d->host, b);
            return e && e->code != RK_OK ? e->code : RK_E_INTERNAL;
        }
        to_cache(d, key, b->program);
    }
    b->key_bytes = key->n;
    memcpy(b->key, key->s, key->n);
    b->next = d->built;
    d->built = b;
    *out = b->program;
    return RK_OK;
}

rk_status ocl_build(rk_device *d, const ocl_text *source, cl_program *out, rk_error *e)
{
    ocl_text key = {.host = d->host};
    ocl_text_bytes(&key, d->identity.s, d->identity.n);
    ocl_text_add(&key, "\nformat %d\n%s ", FORMAT, d->options);
    ocl_text_bytes(&key, "\n", 1);
    ocl_text_bytes(&key, source->s, source->n);
    rk_status status = RK_E_NOMEM;
    if (source->failed || key.failed) {
        OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a kernel's source");
        goto out;
    }
    for (ocl_built *b = d->built; b; b = b->next) {
        if (b->key_bytes != key.n || memcmp(b->key, key.s, key.n) != 0) continue;
        *out = b->program;
        status = RK_OK;
        goto out;
    }
    status = build(d, &key, source, out, e);
out:
    ocl_text_free(&key);
    return status;
}
