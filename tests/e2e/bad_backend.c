/* Backends that are right or wrong in one way: -DVARIANT_name selects it. */
#include "rethink/backend.h"
#include <string.h>

#if defined VARIANT_no_magic
RK_EXPORT extern const int something_else;
const int something_else = 1;
#elif defined VARIANT_wrong_major
RK_EXPORT extern const rk_magic rk_backend_magic;
const rk_magic rk_backend_magic = {RK_BACKEND_TAG, RK_ABI_MAJOR + 1, 8 * sizeof(void *),
                                   0x01020304u,    RK_SANITIZER,     ""};
#else
RK_BACKEND_MAGIC;
#endif

static rk_status enumerate(const rk_host *host, rk_devinfo *out, uint32_t cap, uint32_t *n,
                           rk_error *e)
{
    (void)host;
    (void)e;
    *n = 1;
    if (cap == 0) return RK_OK;
    out[0] = (rk_devinfo){.size = out[0].size, .type = RK_DEV_OTHER, .mem_align = 64};
    strcpy(out[0].name, "nothing");
    strcpy(out[0].id, "0");
    return RK_OK;
}

static rk_status no(rk_error *e)
{
    if (e) strcpy(e->text, "this backend does nothing");
    return RK_E_UNSUPPORTED;
}

static rk_status open(const rk_host *h, uint32_t i, rk_device **d, rk_error *e)
{
    (void)h;
    (void)i;
    (void)d;
    return no(e);
}
static void close(rk_device *d) { (void)d; }
static rk_status mem_alloc(rk_device *d, uint64_t n, rk_mem **m, rk_error *e)
{
    (void)d;
    (void)n;
    (void)m;
    return no(e);
}
static void mem_free(rk_device *d, rk_mem *m)
{
    (void)d;
    (void)m;
}
static rk_status write(rk_device *d, rk_mem *m, uint64_t at, const void *src, uint64_t n,
                       rk_error *e)
{
    (void)d;
    (void)m;
    (void)at;
    (void)src;
    (void)n;
    return no(e);
}
static rk_status read(rk_device *d, rk_mem *m, uint64_t at, void *dst, uint64_t n, rk_error *e)
{
    (void)d;
    (void)m;
    (void)at;
    (void)dst;
    (void)n;
    return no(e);
}
static rk_status prepare(rk_device *d, const rk_op *op, rk_kernel **k, rk_kinfo *info, rk_error *e)
{
    (void)d;
    (void)op;
    (void)k;
    (void)info;
    return no(e);
}
static rk_status launch(rk_device *d, rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e)
{
    (void)d;
    (void)k;
    (void)args;
    (void)n;
    return no(e);
}
static void release(rk_device *d, rk_kernel *k)
{
    (void)d;
    (void)k;
}
static rk_status sync(rk_device *d, rk_error *e)
{
    (void)d;
    return no(e);
}

/* "shorter" was compiled before the optional functions were there; "too_short" before launch was;
 * the longer ones by an author who knows a function that this core does not. */
typedef struct longer {
    rk_backend known;
    const void *unknown;
} longer;
#if defined VARIANT_too_short
#define SIZE offsetof(rk_backend, launch)
#define NAME "short"
#elif defined VARIANT_shorter
#define SIZE offsetof(rk_backend, mark)
#define NAME "shorter"
#else
#define SIZE sizeof(longer)
#define NAME "longer"
#endif
#if defined VARIANT_longer_used
#define UNKNOWN NAME
#else
#define UNKNOWN NULL
#endif

static const longer table = {{.size = SIZE,
                              .abi_major = RK_ABI_MAJOR,
                              .abi_minor = RK_ABI_MINOR,
                              .name = NAME,
                              .version = "1",
                              .build = "test",
                              .enumerate = enumerate,
                              .open = open,
                              .close = close,
                              .mem_alloc = mem_alloc,
                              .mem_free = mem_free,
                              .write = write,
                              .read = read,
                              .prepare = prepare,
                              .launch = launch,
                              .release = release,
                              .sync = sync},
                             UNKNOWN};

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t major, uint32_t minor);
const rk_backend *rk_backend_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == RK_ABI_MAJOR ? &table.known : NULL;
}
