/* CLBlast's SGEMM as the MATMUL of the fast tier, loaded at run time if it is installed.
 *
 * Only CLBlastSgemmWithTempBuffer is called: the strided batched version ignores offsets and
 * strides on its indirect path (found in 1.5.3, the same in 1.7.0).  It wants its scratch as a
 * buffer without an offset, so one is kept per device, as large as any prepared product needs.
 *
 * Before it is used on a device, products of many shapes are compared with the host's, since it is
 * known to be wrong on some devices.  C (r) is compared with A (B r) for a random vector r of +-1
 * (Freivalds): every element counts, at the price of two products with a vector. */
#include "clblast.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

/* CLBlast with its own parameters of a device (set 0), or with a set of ours. */
typedef struct blast_way {
    blast_library library;
    uint32_t set;
    int tried, trusted;
    char why[256];
} blast_way;

typedef struct blast {
    blast_way way[OCL_BLAST_SETS + 1];
    cl_mem temp;
    size_t temp_bytes;
} blast;

/* Held for every call of CLBlast, which keeps one cache of compiled programs per process; versions
 * before 1.6.1 break when two threads fill it. */
static pthread_mutex_t blast_lock = PTHREAD_MUTEX_INITIALIZER;

/* One product: c (m x n) = a (m x k) b (k x n), offsets in elements. */
typedef struct product {
    size_t m, n, k, a_at, b_at, c_at;
    int ta, tb;
    cl_mem a, b, c;
} product;

enum { UNUSABLE = -1 }; /* w->why says why */

static int use(const rk_device *d, blast_way *w)
{
    return !w->set || ocl_blast_use(&w->library, d, w->set, w->why) ? 0 : UNUSABLE;
}

/* Scratch for the product at any offsets: with offsets other than 0 it needs the most. */
static int reserve(rk_device *d, blast *b, blast_way *w, const product *p)
{
    size_t bytes = 0;
    cl_int code = use(d, w);
    if (!code)
        code = w->library.temp_size(
            ROW_MAJOR, p->ta ? TRANSPOSED : PLAIN, p->tb ? TRANSPOSED : PLAIN, p->m, p->n, p->k, 1,
            p->ta ? p->m : p->k, 1, p->tb ? p->k : p->n, 1, p->n, &d->queue, &bytes);
    if (code || bytes <= b->temp_bytes) return code;
    cl_mem temp = clCreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code) return code;
    if (b->temp) clReleaseMemObject(b->temp);
    b->temp = temp;
    b->temp_bytes = bytes;
    return 0;
}

static int multiply(rk_device *d, const blast *b, blast_way *w, const product *p)
{
    int code = use(d, w);
    if (code) return code;
    return w->library.sgemm(ROW_MAJOR, p->ta ? TRANSPOSED : PLAIN, p->tb ? TRANSPOSED : PLAIN, p->m,
                            p->n, p->k, 1.0f, p->a, p->a_at, p->ta ? p->m : p->k, p->b, p->b_at,
                            p->tb ? p->k : p->n, 0.0f, p->c, p->c_at, p->n, &d->queue,
                            ocl_note_library(d), b->temp);
}

static float noise(size_t i) /* in (-1, 1), the same everywhere */
{
    uint32_t x = (uint32_t)i * 2654435761u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)(int32_t)x * 0x1p-31f;
}

static double sign(size_t i) { return noise(i + 77) < 0 ? -1.0 : 1.0; }

/* Compares row sums of c r and a (b r), within what rounding may do. */
static int agrees(const product *p, const float *a, const float *b, const float *c, double *br)
{
    for (size_t q = 0; q < p->k; q++) {
        br[q] = 0;
        for (size_t j = 0; j < p->n; j++)
            br[q] += (double)b[p->b_at + (p->tb ? j * p->k + q : q * p->n + j)] * sign(j);
    }
    double bound = 1e-6 * (double)(p->k + 16) * sqrt((double)p->n);
    for (size_t i = 0; i < p->m; i++) {
        double want = 0, got = 0;
        for (size_t q = 0; q < p->k; q++)
            want += (double)a[p->a_at + (p->ta ? q * p->m + i : i * p->k + q)] * br[q];
        for (size_t j = 0; j < p->n; j++) got += (double)c[p->c_at + i * p->n + j] * sign(j);
        if (!(fabs(got - want) <= bound)) return 0;
    }
    return 1;
}

enum { TRY_M = 512, TRY_N = 513, TRY_K = 1153, TRY_AT = 33 };

typedef struct trial {
    float a[TRY_AT + TRY_M * TRY_K], b[TRY_AT + TRY_N * TRY_K], c[TRY_AT + TRY_M * TRY_N];
    double br[TRY_K];
    cl_mem ma, mb, mc;
} trial;

static int try_one(rk_device *d, blast *b, blast_way *w, trial *t, product p)
{
    const size_t bytes = (p.c_at + p.m * p.n) * sizeof *t->c;
    const cl_uint nan = 0x7FC00000u; /* beta is 0, so what c held must not matter */
    p.a = t->ma, p.b = t->mb, p.c = t->mc;
    cl_int code = reserve(d, b, w, &p);
    if (!code)
        code =
            clEnqueueFillBuffer(d->queue, t->mc, &nan, sizeof nan, 0, sizeof t->c, 0, NULL, NULL);
    if (!code) code = multiply(d, b, w, &p);
    if (!code) code = clEnqueueReadBuffer(d->queue, t->mc, CL_TRUE, 0, bytes, t->c, 0, NULL, NULL);
    if (code == UNUSABLE) return 0;
    if (code)
        snprintf(w->why, sizeof w->why, "SGEMM failed with %d", code);
    else if (!agrees(&p, t->a, t->b, t->c, t->br))
        snprintf(w->why, sizeof w->why, "SGEMM %zu x %zu x %zu, transposes %d %d, is wrong", p.m,
                 p.n, p.k, p.ta, p.tb);
    return w->why[0] == 0;
}

/* Whether sets may take turns: another one that was right must be right again. */
static int take_turns(rk_device *d, blast *b, blast_way *w, trial *t, product p)
{
    blast_way *other = &b->way[1];
    while (other <= &b->way[OCL_BLAST_SETS] && (other == w || !other->trusted)) other++;
    if (!w->set || other > &b->way[OCL_BLAST_SETS] || try_one(d, b, other, t, p)) return 1;
    other->trusted = 0;
    snprintf(w->why, sizeof w->why, "CLBlast mixes sets of parameters up");
    return 0;
}

static int try_all(rk_device *d, blast *b, blast_way *w, trial *t)
{
    static const product shapes[] = {{.m = 17, .n = 9, .k = 1},
                                     {.m = 32, .n = 48, .k = 100, .a_at = 32, .b_at = 16},
                                     {.m = 128, .n = 64, .k = 128, .c_at = 32},
                                     {.m = 512, .n = 512, .k = 1152, .b_at = 32, .c_at = 32},
                                     {.m = 509, .n = 513, .k = 1153, .a_at = 32}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int both = 0; both < 4; both++) {
            product p = shapes[i];
            p.ta = both & 1;
            p.tb = both >> 1;
            if (!try_one(d, b, w, t, p)) return 0;
        }
    return take_turns(d, b, w, t, shapes[2]);
}

static int trust(rk_device *d, blast *b, blast_way *w)
{
    cl_int code[3] = {0, 0, 0};
    trial *t = ocl_alloc(d->host, sizeof *t);
    if (!t) {
        snprintf(w->why, sizeof w->why, "no host memory for the comparison");
        return 0;
    }
    for (size_t i = 0; i < sizeof t->a / sizeof *t->a; i++) t->a[i] = noise(i);
    for (size_t i = 0; i < sizeof t->b / sizeof *t->b; i++) t->b[i] = noise(i + 1000003);
    const cl_mem_flags given = CL_MEM_COPY_HOST_PTR | CL_MEM_READ_ONLY;
    t->ma = clCreateBuffer(d->context, given, sizeof t->a, t->a, &code[0]);
    t->mb = clCreateBuffer(d->context, given, sizeof t->b, t->b, &code[1]);
    t->mc = clCreateBuffer(d->context, CL_MEM_READ_WRITE, sizeof t->c, NULL, &code[2]);
    if (code[0] || code[1] || code[2])
        snprintf(w->why, sizeof w->why, "no device memory");
    else
        try_all(d, b, w, t);
    if (t->ma) clReleaseMemObject(t->ma);
    if (t->mb) clReleaseMemObject(t->mb);
    if (t->mc) clReleaseMemObject(t->mc);
    ocl_free(d->host, t);
    return w->why[0] == 0;
}

static product product_of(const rk_kernel *k)
{
    return (product){.m = (size_t)k->p[0],
                     .n = (size_t)k->p[1],
                     .k = (size_t)k->p[2],
                     .ta = (int)k->p[3],
                     .tb = (int)k->p[4]};
}

static rk_status enqueue(rk_kernel *k, const rk_arg *args, rk_error *e)
{
    rk_device *d = k->device;
    blast *b = d->blast;
    product p = product_of(k);
    p.a = args[0].mem->mem, p.a_at = args[0].offset / 4;
    p.b = args[1].mem->mem, p.b_at = args[1].offset / 4;
    p.c = args[2].mem->mem, p.c_at = args[2].offset / 4;
    pthread_mutex_lock(&blast_lock);
    cl_int code = multiply(d, b, &b->way[k->choice.set], &p);
    pthread_mutex_unlock(&blast_lock);
    OCL_TRY(ocl_async(d, code, "CLBlast's SGEMM", e));
    return ocl_flush(d, e);
}

/* Loads and tries CLBlast at the first call for a device and a set. */
static blast_way *get(rk_device *d, uint32_t set)
{
    char name[64] = "own parameters";
    if (!d->blast) d->blast = ocl_alloc(d->host, sizeof(blast));
    blast *b = d->blast;
    if (!b) return NULL;
    blast_way *w = &b->way[set];
    if (w->tried) return w;
    w->tried = 1;
    w->set = set;
    w->trusted = ocl_blast_load(&w->library, set != 0, w->why) && trust(d, b, w);
    if (set) ocl_blast_set_name(set, name);
    ocl_log(d->host, w->trusted ? 2 : 1, "opencl: CLBlast %s on %s, %s: %s", w->library.version,
            d->info.name, name, w->trusted ? "agrees with the host" : w->why);
    return w;
}

int ocl_blast_is_usual(const rk_device *d)
{
    const char *option = ocl_option(d->host, "opencl.clblast");
    return option && strcmp(option, "0") != 0;
}

/* k products, added in any order, and a product with alpha: each term is rounded k + 1 times. */
static float bound(const rk_kernel *k) { return 0.51f * (float)(k->p[2] + 2); }

rk_status ocl_blast(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    const char *option = ocl_option(k->device->host, "opencl.clblast");
    char name[64] = "clblast xgemm";
    if (option && !strcmp(option, "0"))
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "option opencl.clblast is 0");
    for (int i = 0; i < 5; i++) k->p[i] = op->p[i + 1];
    pthread_mutex_lock(&blast_lock);
    blast_way *w = get(k->device, k->choice.set);
    product p = product_of(k);
    cl_int code = w && w->trusted ? reserve(k->device, k->device->blast, w, &p) : 0;
    pthread_mutex_unlock(&blast_lock);
    if (!w) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left");
    if (!w->trusted || code == UNUSABLE) return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%s", w->why);
    OCL_TRY(ocl_status(k->device, code, "CLBlast's scratch buffer", e));
    if (k->choice.set) ocl_blast_set_name(k->choice.set, name);
    snprintf(info->impl, sizeof info->impl, "%s %.8s", name, w->library.version);
    info->tier = RK_TIER_FAST;
    info->ulp = bound(k);
    k->enqueue = enqueue;
    return RK_OK;
}

/* CLBlast's cache keeps the context and its programs alive: it is emptied before they go. */
void ocl_blast_close(rk_device *d)
{
    blast *b = d->blast;
    if (!b) return;
    pthread_mutex_lock(&blast_lock);
    for (uint32_t i = 0; i <= OCL_BLAST_SETS; i++)
        if (b->way[i].library.clear) b->way[i].library.clear();
    pthread_mutex_unlock(&blast_lock);
    if (b->temp) clReleaseMemObject(b->temp);
    ocl_free(d->host, b);
    d->blast = NULL;
}
