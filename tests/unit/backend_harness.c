#include "backend_harness.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static rk_status fail(rk_error *e, rk_status code,
                                                            const char *format, ...)
{
    va_list list;
    if (!e) return code;
    e->code = code;
    snprintf(e->where, sizeof e->where, "harness");
    va_start(list, format);
    vsnprintf(e->text, sizeof e->text, format, list);
    va_end(list);
    return code;
}

static void *host_alloc(void *ctx, void *old, size_t n)
{
    harness_alloc *a = &((harness *)ctx)->alloc;
    if (n == 0) {
        if (old) a->live--;
        free(old);
        return NULL;
    }
    if (++a->calls == a->fail_at) return NULL;
    void *p = realloc(old, n);
    if (p && !old) a->live++;
    return p;
}

static void host_log(void *ctx, int level, const char *text)
{
    (void)ctx;
    if (level <= 1) fprintf(stderr, "backend: %s\n", text);
}

static const char *host_option(void *ctx, const char *key)
{
    const harness *h = ctx;
    size_t n = strlen(key);
    for (uint32_t i = 0; i < h->n_option; i++)
        if (strncmp(h->option[i], key, n) == 0 && h->option[i][n] == '=')
            return h->option[i] + n + 1;
    return NULL;
}

static int host_cache_get(void *ctx, const void *key, size_t key_bytes, void *buf, size_t *n)
{
    (void)ctx, (void)key, (void)key_bytes, (void)buf, (void)n;
    return 0;
}

static void host_cache_put(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n)
{
    (void)ctx, (void)key, (void)key_bytes, (void)buf, (void)n;
}

rk_status harness_load(harness *h, const char *path, const char *const *options, rk_error *e)
{
    memset(h, 0, sizeof *h);
    h->host = (rk_host){.size = sizeof h->host,
                        .abi_major = RK_ABI_MAJOR,
                        .abi_minor = RK_ABI_MINOR,
                        .ctx = h,
                        .alloc = host_alloc,
                        .log = host_log,
                        .option = host_option,
                        .cache_get = host_cache_get,
                        .cache_put = host_cache_put};
    for (; options && options[h->n_option] && h->n_option < HARNESS_OPTIONS; h->n_option++)
        h->option[h->n_option] = options[h->n_option];
    h->so = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!h->so) return fail(e, RK_E_INVALID, "%s", dlerror());
    h->magic = dlsym(h->so, "rk_backend_magic");
    if (!h->magic || memcmp(h->magic->tag, RK_BACKEND_TAG, 8) != 0 ||
        h->magic->abi_major != RK_ABI_MAJOR || h->magic->pointer_bits != 8 * sizeof(void *))
        return fail(e, RK_E_ABI, "%s: no fitting rk_backend_magic", path);
    rk_backend_entry_fn *entry;
    *(void **)(&entry) = dlsym(h->so, "rk_backend_entry");
    h->backend = entry ? entry(RK_ABI_MAJOR, RK_ABI_MINOR) : NULL;
    if (!h->backend) return fail(e, RK_E_ABI, "%s: no rk_backend_entry, or it refused", path);
    return RK_OK;
}

rk_status harness_open(harness *h, const char *path, uint32_t index, const char *const *options,
                       rk_error *e)
{
    rk_status s = harness_load(h, path, options, e);
    if (s != RK_OK) return s;
    enum { MOST = 32 };
    rk_devinfo list[MOST];
    uint32_t n = 0;
    memset(list, 0, sizeof list);
    list[0].size = sizeof list[0];
    s = h->backend->enumerate(&h->host, list, MOST, &n, e);
    if (s != RK_OK) return s;
    if (index >= n || index >= MOST)
        return fail(e, RK_E_UNSUPPORTED, "no device %u: there are %u", index, n);
    h->info = list[index];
    return h->backend->open(&h->host, index, &h->device, e);
}

long harness_close(harness *h)
{
    if (h->device) h->backend->close(h->device);
    h->device = NULL;
    return h->alloc.live;
}

void case_begin(harness_case *c, uint32_t kind)
{
    memset(c, 0, sizeof *c);
    c->op.size = sizeof c->op;
    c->op.kind = kind;
}

static void tensor_fill(rk_tensor *t, uint32_t dtype, uint32_t rank, const int64_t *dim,
                        uint32_t broadcast)
{
    int64_t dense = 1;
    memset(t, 0, sizeof *t);
    t->dtype = dtype;
    t->rank = rank;
    for (uint32_t d = rank; d-- > 0;) {
        t->dim[d] = dim[d];
        t->stride[d] = broadcast >> d & 1 ? 0 : dense;
        if (!(broadcast >> d & 1)) dense *= dim[d];
    }
}

uint16_t case_in(harness_case *c, uint32_t dtype, uint32_t rank, const int64_t *dim,
                 uint32_t broadcast)
{
    tensor_fill(&c->in[c->op.n_in], dtype, rank, dim, broadcast);
    return (uint16_t)(RK_R_IN + c->op.n_in++);
}

uint16_t case_out(harness_case *c, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    tensor_fill(&c->out[c->op.n_out], dtype, rank, dim, 0);
    return (uint16_t)c->op.n_out++;
}

uint16_t case_ins(harness_case *c, uint16_t op, uint16_t a, uint16_t b, uint16_t third)
{
    c->code[c->op.n_code] = (rk_ins){op, a, b, third};
    return (uint16_t)(RK_R_INS + c->op.n_code++);
}

void case_store(harness_case *c, uint16_t output, uint16_t value)
{
    case_ins(c, RK_I_STORE, value, output, 0);
}

uint16_t case_imm(harness_case *c, uint32_t word)
{
    c->imm[c->op.n_imm] = word;
    return (uint16_t)(RK_R_IMM + c->op.n_imm++);
}

uint16_t case_immf(harness_case *c, float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    return case_imm(c, word);
}

int64_t tensor_count(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

int64_t tensor_extent(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->dim[d] == 0) return 0;
        if (t->stride[d] != 0) n *= t->dim[d];
    }
    return n;
}

size_t dtype_bytes(uint32_t dtype) { return dtype == RK_U8 ? 1 : 4; }

/* One op in flight: every operand lies in one allocation, with guard zones between. */
typedef struct flight {
    rk_op op;
    rk_kernel *kernel;
    rk_mem *mem;
    rk_arg arg[2 * HARNESS_TENSORS + 1];
    size_t bytes[2 * HARNESS_TENSORS + 1];
    uint32_t n;
    size_t total;
    unsigned char *image, *before; /* of the whole allocation */
} flight;

static int is_alias(const flight *f, uint32_t i, int alias)
{
    return alias >= 0 && i == f->op.n_in + (uint32_t)alias / HARNESS_ALIAS;
}

static void layout(flight *f, const harness *h, const rk_kinfo *info, int alias)
{
    size_t align = h->info.mem_align < 64 ? 64 : h->info.mem_align, at = HARNESS_GUARD;
    f->n = f->op.n_in + f->op.n_out + (info->workspace ? 1u : 0u);
    for (uint32_t i = 0; i < f->n; i++) {
        const rk_tensor *t = i < f->op.n_in ? &f->op.in[i] : &f->op.out[i - f->op.n_in];
        if (i < f->op.n_in + f->op.n_out)
            f->bytes[i] = (size_t)tensor_extent(t) * dtype_bytes(t->dtype);
        else
            f->bytes[i] = (size_t)info->workspace;
        at = (at + align - 1) / align * align;
        f->arg[i] = (rk_arg){f->mem, at};
        if (is_alias(f, i, alias))
            f->arg[i].offset = f->arg[alias % HARNESS_ALIAS].offset;
        else
            at += f->bytes[i] + HARNESS_GUARD;
    }
    f->total = at;
}

static void fill_image(flight *f, const void *const *in, void *const *out, int alias)
{
    for (size_t i = 0; i < f->total; i++) f->image[i] = (unsigned char)(0xA5u ^ (i * 7u));
    for (uint32_t i = 0; i < f->op.n_in + f->op.n_out; i++) {
        const void *src = i < f->op.n_in ? in[i] : out[i - f->op.n_in];
        if (is_alias(f, i, alias)) continue;
        if (f->bytes[i]) memcpy(f->image + f->arg[i].offset, src, f->bytes[i]);
    }
    memcpy(f->before, f->image, f->total);
}

/* Everything but outputs and workspace must be as it was. */
static rk_status guards_intact(const flight *f, rk_error *e)
{
    uint32_t inputs = f->op.n_in;
    for (uint32_t i = inputs; i < f->n; i++)
        if (f->bytes[i])
            memcpy(f->before + f->arg[i].offset, f->image + f->arg[i].offset, f->bytes[i]);
    for (size_t at = 0; at < f->total; at++) {
        if (f->before[at] == f->image[at]) continue;
        for (uint32_t i = 0; i < f->n; i++)
            if (at >= f->arg[i].offset && at < f->arg[i].offset + f->bytes[i])
                return fail(e, RK_E_INTERNAL, "input %u was overwritten", i);
        for (uint32_t i = f->n; i-- > 0;)
            if (at >= f->arg[i].offset)
                return fail(e, RK_E_INTERNAL, "wrote %zu bytes behind argument %u",
                            at - f->arg[i].offset - f->bytes[i], i);
        return fail(e, RK_E_INTERNAL, "wrote before the first argument");
    }
    return RK_OK;
}

static rk_status run_once(harness *h, flight *f, rk_error *e)
{
    long calls = h->alloc.calls;
    rk_status s = h->backend->write(h->device, f->mem, 0, f->before, f->total, e);
    if (s == RK_OK) s = h->backend->launch(h->device, f->kernel, f->arg, f->n, e);
    if (s == RK_OK && h->alloc.calls != calls)
        return fail(e, RK_E_INTERNAL, "write or launch allocated host memory");
    if (s == RK_OK) s = h->backend->read(h->device, f->mem, 0, f->image, f->total, e);
    return s;
}

static rk_status run_flight(harness *h, flight *f, const void *const *in, void *const *out,
                            int alias, rk_error *e)
{
    rk_status s;
    fill_image(f, in, out, alias);
    for (int again = 0; again < 2; again++) {
        s = run_once(h, f, e);
        if (s != RK_OK) return s;
        for (uint32_t j = 0; j < f->op.n_out; j++) {
            uint32_t i = f->op.n_in + j;
            const unsigned char *got = f->image + f->arg[i].offset;
            if (again && f->bytes[i] && memcmp(out[j], got, f->bytes[i]) != 0)
                return fail(e, RK_E_INTERNAL, "output %u differs in the second run", j);
            if (f->bytes[i]) memcpy(out[j], got, f->bytes[i]);
        }
        unsigned char *start = malloc(f->total);
        if (!start) return fail(e, RK_E_NOMEM, "no host memory");
        memcpy(start, f->before, f->total);
        s = guards_intact(f, e);
        memcpy(f->before, start, f->total);
        free(start);
        if (s != RK_OK) return s;
    }
    return RK_OK;
}

rk_status harness_run_info(harness *h, const harness_case *c, const void *const *in,
                           void *const *out, int alias, rk_kinfo *info, rk_error *e)
{
    rk_kinfo own;
    if (!info) info = &own;
    flight f;
    memset(&f, 0, sizeof f);
    f.op = c->op;
    f.op.in = c->in;
    f.op.out = c->out;
    f.op.code = c->code;
    f.op.imm = c->imm;
    memset(info, 0, sizeof *info);
    info->size = sizeof *info;
    rk_status s = h->backend->prepare(h->device, &f.op, &f.kernel, info, e);
    if (s != RK_OK) return s;
    layout(&f, h, info, alias);
    s = h->backend->mem_alloc(h->device, f.total, &f.mem, e);
    if (s == RK_OK) {
        for (uint32_t i = 0; i < f.n; i++) f.arg[i].mem = f.mem;
        f.image = malloc(2 * f.total);
        f.before = f.image + f.total;
        s = f.image ? run_flight(h, &f, in, out, alias, e) : fail(e, RK_E_NOMEM, "no host memory");
        free(f.image);
        h->backend->mem_free(h->device, f.mem);
    }
    h->backend->release(h->device, f.kernel);
    return s;
}

rk_status harness_run(harness *h, const harness_case *c, const void *const *in, void *const *out,
                      int alias, rk_error *e)
{
    return harness_run_info(h, c, in, out, alias, NULL, e);
}
