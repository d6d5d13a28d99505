#include "bench/vendor.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "check/cases.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 }; /* of the C interface to the BLAS */

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);

struct rk_vendor {
    void *so;
    sgemm_fn *sgemm;
    char text[120];
};

typedef struct product {
    const rk_vendor *vendor;
    int64_t p[24];
    float *a, *b, *c;
} product;

/* dlsym gives a function as an object; C has no cast for that. */
static bool find(void *so, const char *name, void *function)
{
    void *symbol = dlsym(so, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void describe(rk_vendor *v, uint64_t threads)
{
    const char *(*config)(void) = NULL, *(*core)(void) = NULL;
    char name[64] = "OpenBLAS";
    if (find(v->so, "openblas_get_config", &config)) {
        const char *text = config(); /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ..." */
        const char *blank = strchr(text, ' '), *end = blank ? strchr(blank + 1, ' ') : NULL;
        snprintf(name, sizeof name, "%.*s", end ? (int)(end - text) : 60, text);
    }
    snprintf(v->text, sizeof v->text, "%s", name);
    size_t n = strlen(v->text);
    if (find(v->so, "openblas_get_corename", &core))
        n += (size_t)snprintf(v->text + n, sizeof v->text - n, ", %.30s", core());
    if (threads && n < sizeof v->text)
        snprintf(v->text + n, sizeof v->text - n, ", %llu threads", (unsigned long long)threads);
}

static uint64_t threads_of(const rk_hub *hub)
{
    uint64_t threads = 0;
    for (uint32_t i = 0; i < hub->n_options; i++)
        if (strcmp(hub->options[2 * i], "threads") == 0)
            rk_parse_u64(hub->options[2 * i + 1], &threads);
    return threads;
}

rk_vendor *rk_vendor_open(const rk_hub *hub, char *why, size_t cap)
{
    void (*set_threads)(int) = NULL;
    int (*get_threads)(void) = NULL;
    uint64_t threads = threads_of(hub);
    rk_vendor *v = calloc(1, sizeof *v);
    snprintf(why, cap, "no memory");
    if (!v) return NULL;
    v->so = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!v->so || !find(v->so, "cblas_sgemm", &v->sgemm)) {
        snprintf(why, cap, "no vendor's library: %s", v->so ? "no cblas_sgemm" : dlerror());
        rk_vendor_close(v);
        return NULL;
    }
    if (threads && find(v->so, "openblas_set_num_threads", &set_threads)) set_threads((int)threads);
    if (find(v->so, "openblas_get_num_threads", &get_threads)) threads = (uint64_t)get_threads();
    describe(v, threads);
    return v;
}

void rk_vendor_close(rk_vendor *v)
{
    if (v && v->so) dlclose(v->so);
    free(v);
}

static rk_status run(void *ctx, uint32_t times, rk_error *e)
{
    const product *x = ctx;
    const int64_t *p = x->p;
    int m = (int)p[1], n = (int)p[2], k = (int)p[3];
    (void)e;
    for (uint32_t i = 0; i < times; i++)
        for (int64_t b = 0; b < p[0]; b++)
            x->vendor->sgemm(ROW_MAJOR, p[4] ? TRANSPOSED : PLAIN, p[5] ? TRANSPOSED : PLAIN, m, n,
                             k, 1.0f, x->a + b * p[6], p[4] ? m : k, x->b + b * p[7], p[5] ? k : n,
                             0.0f, x->c + b * p[1] * p[2], n);
    return RK_OK;
}

static void release(void *ctx)
{
    product *x = ctx;
    free(x->a);
    free(x->b);
    free(x->c);
    free(x);
}

static float *numbers(int64_t n, rk_dice *r)
{
    float *x = calloc((size_t)n + 1, sizeof *x);
    for (int64_t i = 0; x && r && i < n; i++) x[i] = rk_dice_float(r);
    return x;
}

rk_status rk_vendor_matmul(const rk_vendor *v, const rk_sample *t, rk_runner *out, rk_error *e)
{
    const int64_t *p = t->op.p;
    rk_dice r = {1};
    if (p[0] < 1 || p[1] < 1 || p[2] < 1 || p[3] < 1 || p[1] * p[2] * p[3] > INT64_C(1) << 40)
        return RK_FAIL(e, RK_E_UNSUPPORTED, "the product is empty, or too large to time");
    product *x = calloc(1, sizeof *x);
    if (!x) return RK_FAIL(e, RK_E_NOMEM, "no memory for a product");
    x->vendor = v;
    memcpy(x->p, p, sizeof x->p);
    x->a = numbers(rk_tensor_extent(&t->in[0]), &r);
    x->b = numbers(rk_tensor_extent(&t->in[1]), &r);
    x->c = numbers(p[0] * p[1] * p[2], NULL);
    if (!x->a || !x->b || !x->c) {
        release(x);
        return RK_FAIL(e, RK_E_NOMEM, "no memory for a product");
    }
    *out = (rk_runner){.ctx = x, .run = run, .free = release};
    snprintf(out->text, sizeof out->text, "%s", v->text);
    return RK_OK;
}

const float *rk_vendor_result(const rk_runner *r) { return ((const product *)r->ctx)->c; }
