/* What only the OpenCL backend does: drivers that are missing, the cache of binaries, options, the
 * fast tier.  test_opencl_device PATH [fast]; kernels are tested by rethink check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/sample.h"

enum { ENTRIES = 64 };

typedef struct entry {
    void *key, *blob;
    size_t key_bytes, bytes;
} entry;

typedef struct bench {
    rk_bed h; /* first: the host's ctx points here */
    const char *path;
    entry list[ENTRIES];
    int n, hits, puts;
} bench;

static entry *find(bench *b, const void *key, size_t n)
{
    for (int i = 0; i < b->n; i++)
        if (b->list[i].key_bytes == n && !memcmp(b->list[i].key, key, n)) return &b->list[i];
    return NULL;
}

static void *copy_of(const void *p, size_t n)
{
    void *q = malloc(n);
    if (q) memcpy(q, p, n);
    return q;
}

static int get(void *ctx, const void *key, size_t key_bytes, void *buf, size_t *n)
{
    bench *b = ctx;
    const entry *e = find(b, key, key_bytes);
    if (!e) return 0;
    if (buf && *n >= e->bytes) {
        memcpy(buf, e->blob, e->bytes);
        b->hits++;
    }
    *n = e->bytes;
    return 1;
}

static void put(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n)
{
    bench *b = ctx;
    entry *e = find(b, key, key_bytes);
    b->puts++;
    if (!e && b->n < ENTRIES) {
        e = &b->list[b->n++];
        *e = (entry){.key = copy_of(key, key_bytes), .key_bytes = key_bytes};
    }
    if (!e) return;
    free(e->blob);
    e->blob = copy_of(buf, n);
    e->bytes = n;
}

static void forget(bench *b)
{
    for (int i = 0; i < b->n; i++) {
        free(b->list[i].key);
        free(b->list[i].blob);
    }
    b->n = 0;
}

static rk_status open_device(bench *b, const char *const *options, rk_error *e)
{
    rk_status s = rk_bed_load(&b->h, b->path, options, e);
    if (s != RK_OK) return s;
    b->h.host.cache_get = get;
    b->h.host.cache_put = put;
    rk_devinfo info = {.size = sizeof info};
    uint32_t n = 0;
    s = b->h.backend->enumerate(&b->h.host, &info, 1, &n, e);
    b->h.info = info;
    return s == RK_OK ? b->h.backend->open(&b->h.host, 0, &b->h.device, e) : s;
}

static void negate(bench *b)
{
    rk_sample c;
    rk_error e = {.size = sizeof e};
    float x[77], y[77];
    int64_t n = 77;
    rk_sample_begin(&c, RK_EWISE);
    uint16_t in = rk_sample_in(&c, RK_F32, 1, &n, 0);
    rk_sample_out(&c, RK_F32, 1, &n);
    rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FNEG, in, 0, 0));
    for (int i = 0; i < 77; i++) x[i] = (float)i;
    if (rk_sample_run(&b->h, &c, (const void *[]){x}, (void *[]){y}, -1, &e) != RK_OK)
        fail_msg("%s", e.text);
    for (int i = 0; i < 77; i++) assert_true(y[i] == -(float)i);
}

static void cached_binaries(void **state)
{
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    b->hits = b->puts = 0;
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    negate(b);
    negate(b);
    assert_int_equal(rk_bed_close(&b->h), 0);
    int built = b->puts;
    assert_true(built >= 1);
    assert_int_equal(b->hits, 0);
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    negate(b);
    assert_int_equal(rk_bed_close(&b->h), 0);
    assert_int_equal(b->puts, built);
    assert_int_equal(b->hits, built);
    for (int i = 0; i < b->n; i++) /* damage that an earlier version could have stored */
        memset(b->list[i].blob, 0x5A, b->list[i].bytes);
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    negate(b);
    assert_int_equal(rk_bed_close(&b->h), 0);
    assert_int_equal(b->puts, 2 * built);
    forget(b);
}

static void options(void **state)
{
    bench *b = *state;
    static const char *const bad[] = {"variant=tpu", "opencl.width=3"};
    for (int i = 0; i < 2; i++) {
        rk_error e = {.size = sizeof e};
        const char *list[] = {bad[i], NULL};
        assert_int_equal(open_device(b, list, &e), RK_E_INVALID);
        assert_non_null(strstr(e.text, "it may be"));
        assert_int_equal(rk_bed_close(&b->h), 0);
    }
    static const char *const good[] = {"opencl.width=1", "opencl.width=4", "opencl.width=8"};
    for (int i = 0; i < 3; i++) {
        rk_error e = {.size = sizeof e};
        const char *list[] = {good[i], NULL};
        if (open_device(b, list, &e) != RK_OK) fail_msg("%s", e.text);
        negate(b);
        assert_int_equal(rk_bed_close(&b->h), 0);
    }
    forget(b);
}

static void elapsed(void **state)
{
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    uint64_t first = 0, last = 0, ns = 0;
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    const rk_backend *t = b->h.backend;
    assert_int_equal(t->mark(b->h.device, &first, &e), RK_OK);
    negate(b);
    for (int i = 0; i < 40; i++) assert_int_equal(t->mark(b->h.device, &last, &e), RK_OK);
    assert_int_equal(t->elapsed_ns(b->h.device, first, last, &ns, &e), RK_OK);
    assert_true(ns > 0);
    /* Of marks from before on it is what passed, and closing ends it. */
    assert_int_equal(t->time_kernels(b->h.device, 1, &e), RK_OK);
    assert_int_equal(t->elapsed_ns(b->h.device, first, last, &ns, &e), RK_OK);
    assert_true(ns > 0);
    assert_int_equal(t->elapsed_ns(b->h.device, last, first, &ns, &e), RK_E_INVALID);
    assert_int_equal(t->wait(b->h.device, last + 1, &e), RK_E_INVALID);
    for (int i = 0; i < 70; i++) assert_int_equal(t->mark(b->h.device, &last, &e), RK_OK);
    assert_int_equal(t->wait(b->h.device, first, &e), RK_OK);
    assert_int_equal(t->elapsed_ns(b->h.device, first, last, &ns, &e), RK_E_INVALID);
    assert_int_equal(rk_bed_close(&b->h), 0);
    forget(b);
}

/* One byte too few is refused: drivers would read or write beyond the buffer. */
static void tight_buffers(void **state)
{
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    rk_kinfo info = {.size = sizeof info};
    const rk_tensor t = {RK_U8, 1, {1001}, {1}};
    const rk_ins code[] = {{RK_I_STORE, RK_R_IN, 0, 0}};
    const rk_op op = {.size = sizeof op,
                      .kind = RK_EWISE,
                      .n_in = 1,
                      .n_out = 1,
                      .in = &t,
                      .out = &t,
                      .code = code,
                      .n_code = 1};
    rk_kernel *k;
    rk_mem *m[2];
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    const rk_backend *r = b->h.backend;
    assert_int_equal(r->prepare(b->h.device, &op, &k, &info, &e), RK_OK);
    assert_int_equal(r->mem_alloc(b->h.device, 1001, &m[0], &e), RK_OK);
    assert_int_equal(r->mem_alloc(b->h.device, 1000, &m[1], &e), RK_OK);
    for (int i = 0; i < 4; i++) {
        const rk_arg args[] = {{m[i & 1], 0}, {m[i >> 1], 0}};
        assert_int_equal(r->launch(b->h.device, k, args, 2, &e), i ? RK_E_INVALID : RK_OK);
    }
    assert_int_equal(rk_bed_close(&b->h), 0);
    forget(b);
}

static void no_driver(void **state)
{
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    uint32_t n = 7;
    rk_devinfo info = {.size = sizeof info};
    assert_int_equal(rk_bed_load(&b->h, b->path, NULL, &e), RK_OK);
    assert_int_equal(b->h.backend->enumerate(&b->h.host, &info, 1, &n, &e), RK_OK);
    assert_int_equal(n, 0);
    assert_non_null(strstr(e.text, "install"));
    assert_int_equal(b->h.backend->open(&b->h.host, 0, &b->h.device, &e), RK_E_INVALID);
    assert_int_equal(rk_bed_close(&b->h), 0);
}

enum { FAST_M = 33, FAST_N = 50, FAST_K = 77 };

static void describe_product(rk_sample *c)
{
    const int64_t dims[][2] = {{FAST_M, FAST_K}, {FAST_K, FAST_N}, {FAST_M, FAST_N}};
    rk_sample_begin(c, RK_MATMUL);
    c->op.flags = RK_OP_FAST;
    rk_sample_in(c, RK_F32, 2, dims[0], 0);
    rk_sample_in(c, RK_F32, 2, dims[1], 0);
    rk_sample_out(c, RK_F32, 2, dims[2]);
    memcpy(c->op.p, (int64_t[]){1, FAST_M, FAST_N, FAST_K, 0, 0, 0, 0}, 8 * sizeof(int64_t));
}

/* A tuner is offered what the static rule does not take. */
static void check_choice(const bench *b, const rk_sample *c, const char *other)
{
    rk_op op = rk_sample_op(c);
    rk_error e = {.size = sizeof e};
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *k;
    char name[64];
    uint32_t n;
    assert_int_equal(b->h.backend->choices(b->h.device, &op, 1, name, &n, &e), RK_OK);
    assert_string_equal(name, other);
    rk_status s = b->h.backend->prepare_choice(b->h.device, &op, name, &k, &info, &e);
    if (s == RK_E_UNSUPPORTED && strcmp(other, "clblast") == 0) return; /* it is not there */
    assert_int_equal(s, RK_OK);
    assert_int_equal(!strncmp(info.impl, "clblast xgemm ", 14), !strcmp(other, "clblast"));
    b->h.backend->release(b->h.device, k);
}

/* CLBlast's product if it may be used, else the exact one; both are right, and say which they are.
 * Offsets come from the sample, which puts every operand at its own.  Without an option it is a
 * tuner's choice here. */
static void fast_product(void **state)
{
    static const char *const options[] = {"opencl.clblast=0", "opencl.clblast=1", "variant=cpu"};
    static float x[FAST_M * FAST_K], w[FAST_K * FAST_N], y[FAST_M * FAST_N];
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    rk_kinfo info;
    rk_sample c;
    for (int i = 0; i < FAST_M * FAST_K; i++) x[i] = (float)(i % 13) - 6.0f;
    for (int i = 0; i < FAST_K * FAST_N; i++) w[i] = (float)(i % 7) - 3.0f;
    describe_product(&c);
    for (int with = 0; with < 3; with++) {
        const char *list[] = {options[with], NULL};
        assert_int_equal(open_device(b, list, &e), RK_OK);
        if (rk_sample_run_info(&b->h, &c, (const void *[]){x, w}, (void *[]){y}, -1, &info, &e))
            fail_msg("%s", e.text);
        int clblast = !strncmp(info.impl, "clblast xgemm ", 14);
        assert_int_equal(info.tier, clblast ? RK_TIER_FAST : RK_TIER_EXACT);
        if (with != 1) assert_false(clblast);
        if (clblast) assert_true(info.ulp > 0.5f * FAST_K && info.ulp < FAST_K);
        for (int i = 0; i < FAST_M; i++)
            for (int j = 0; j < FAST_N; j++) { /* small integers: every order gives the same sum */
                float want = 0;
                for (int k = 0; k < FAST_K; k++) want += x[i * FAST_K + k] * w[k * FAST_N + j];
                assert_true(y[i * FAST_N + j] == want);
            }
        if (with) check_choice(b, &c, with == 1 ? "exact kernels" : "clblast");
        assert_int_equal(rk_bed_close(&b->h), 0);
        printf("option %s: %s\n", list[0], info.impl);
    }
    forget(b);
}

/* All that is counted is read, and once: of ones, the sums behind them say how many.  Each begins
 * at the numbers of its chains, 0, 1, ... */
static void check_read(bench *b, const rk_probe *p, rk_kernel *k, const rk_arg *arg)
{
    const rk_backend *t = b->h.backend;
    rk_error e = {.size = sizeof e};
    uint64_t read = (uint64_t)p->work, sums = (p->workspace - read) / sizeof(float);
    uint64_t n = p->workspace / sizeof(float);
    float *x = malloc(p->workspace);
    assert_true(x && read >= 1 << 24 && read < p->workspace);
    for (uint64_t i = 0; i < n; i++) x[i] = 1;
    assert_int_equal(t->write(b->h.device, arg->mem, 0, x, p->workspace, &e), RK_OK);
    assert_int_equal(t->launch(b->h.device, k, arg, 1, &e), RK_OK);
    assert_int_equal(t->read(b->h.device, arg->mem, 0, x, p->workspace, &e), RK_OK);
    unsigned chains = 0;
    assert_int_equal(sscanf(p->text, "%*d MiB, width %*u, %u place", &chains), 1);
    uint64_t each = read / sizeof(float) / sums + chains * (chains - 1) / 2;
    for (uint64_t i = n - sums; i < n; i++) assert_true(x[i] == (float)each);
    free(x);
}

/* A variant of each probe runs, the first and the last one; one beyond it is refused; its work is
 * counted. */
static void probes_from(bench *b, int from_last)
{
    rk_error e = {.size = sizeof e};
    rk_kernel *k;
    const rk_backend *t = b->h.backend;
    for (uint32_t what = RK_PROBE_FMA; what <= RK_PROBE_READ; what++) {
        rk_probe p = {.size = sizeof p, .what = what, .rounds = 1};
        rk_arg arg = {NULL, 0};
        if (t->probe(b->h.device, &p, &k, &e) != RK_OK) fail_msg("%s", e.text);
        assert_true(p.variants >= 1 && p.text[0] != '\0');
        if (from_last && p.variants > 1) {
            t->release(b->h.device, k);
            p.variant = p.variants - 1;
            if (t->probe(b->h.device, &p, &k, &e) != RK_OK) fail_msg("%s", e.text);
        }
        double work = p.work;
        if (p.workspace)
            assert_int_equal(t->mem_alloc(b->h.device, p.workspace, &arg.mem, &e), RK_OK);
        if (t->launch(b->h.device, k, &arg, p.workspace != 0, &e)) fail_msg("%s", e.text);
        if (what == RK_PROBE_READ) check_read(b, &p, k, &arg);
        assert_int_equal(t->sync(b->h.device, &e), RK_OK);
        t->release(b->h.device, k);
        p.rounds = 3;
        assert_int_equal(t->probe(b->h.device, &p, &k, &e), RK_OK);
        assert_true(p.work == (strstr(p.text, ", 1 place,") ? work : 3 * work));
        t->release(b->h.device, k);
        t->mem_free(b->h.device, arg.mem);
        p.variant = p.variants;
        assert_int_equal(t->probe(b->h.device, &p, &k, &e), RK_E_INVALID);
    }
}

static void probes(void **state)
{
    bench *b = *state;
    rk_error e = {.size = sizeof e};
    rk_kernel *k;
    assert_int_equal(open_device(b, NULL, &e), RK_OK);
    probes_from(b, 0);
    probes_from(b, 1);
    rk_probe p = {.size = sizeof p, .what = 99, .rounds = 1};
    assert_int_equal(b->h.backend->probe(b->h.device, &p, &k, &e), RK_E_UNSUPPORTED);
    assert_int_equal(rk_bed_close(&b->h), 0);
    forget(b);
}

int main(int argc, char **argv)
{
    static bench b;
    const struct CMUnitTest device[] = {
        cmocka_unit_test_prestate(cached_binaries, &b), cmocka_unit_test_prestate(options, &b),
        cmocka_unit_test_prestate(elapsed, &b),

        cmocka_unit_test_prestate(tight_buffers, &b), cmocka_unit_test_prestate(probes, &b)};
    const struct CMUnitTest fast[] = {cmocka_unit_test_prestate(fast_product, &b)};
    const struct CMUnitTest none[] = {cmocka_unit_test_prestate(no_driver, &b)};
    if (argc < 3) return 2;
    b.path = argv[1];
    if (!strcmp(argv[2], "fast")) return cmocka_run_group_tests(fast, NULL, NULL);
    if (!strcmp(argv[2], "none")) return cmocka_run_group_tests(none, NULL, NULL);
    return cmocka_run_group_tests(device, NULL, NULL);
}
