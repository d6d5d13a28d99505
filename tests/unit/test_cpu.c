/* What only the CPU backend does: its table, its options, and that its bits depend on none of them.
 *     test_cpu PATH-OF-BACKEND */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <rethink/numerics.h>
#include "check/sample.h"

static const char *path_of(void **state) { return *state; }

static void table(void **state)
{
    rk_bed h;
    rk_error e = {.size = sizeof e};
    rk_backend_entry_fn *entry;
    void *so = dlopen(path_of(state), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    assert_non_null(so);
    assert_int_equal(rk_bed_load(&h, path_of(state), NULL, &e), RK_OK);
    assert_string_equal(h.backend->name, "cpu");
    assert_int_equal(h.backend->size, sizeof(rk_backend));
    *(void **)(&entry) = dlsym(so, "rk_backend_entry");
    assert_null(entry(RK_ABI_MAJOR + 1, 0));
    assert_memory_equal(entry(RK_ABI_MAJOR, RK_ABI_MINOR + 1), h.backend, sizeof(rk_backend));
}

/* An older host knows fewer fields of rk_devinfo; its neighbours must stay. */
static void enumeration(void **state)
{
    rk_bed h;
    rk_error e = {.size = sizeof e};
    rk_devinfo full = {.size = sizeof full};
    struct {
        rk_devinfo info;
        unsigned char after[64];
    } room;
    uint32_t n = 0;
    assert_int_equal(rk_bed_load(&h, path_of(state), NULL, &e), RK_OK);
    assert_int_equal(h.backend->enumerate(&h.host, NULL, 0, &n, &e), RK_OK);
    assert_int_equal(n, 1);
    assert_int_equal(h.backend->enumerate(&h.host, &full, 1, &n, &e), RK_OK);
    assert_int_equal(full.type, RK_DEV_CPU);
    assert_int_equal(full.mem_align, 64);
    assert_string_equal(full.id, "0");
    assert_true(full.mem_total > 0 && strlen(full.name) > 0 && strlen(full.driver) > 0);
    memset(&room, 0x5A, sizeof room);
    room.info.size = offsetof(rk_devinfo, platform);
    assert_int_equal(h.backend->enumerate(&h.host, &room.info, 1, &n, &e), RK_OK);
    assert_string_equal(room.info.name, full.name);
    for (size_t i = offsetof(rk_devinfo, platform); i < sizeof room; i++)
        assert_int_equal(((unsigned char *)&room)[i], 0x5A);
}

static void options(void **state)
{
    static const char *const bad[] = {"isa=",     "isa=avx3",   "threads=0",     "threads=-1",
                                      "threads=", "threads=2x", "threads=100000"};
    rk_error e = {.size = sizeof e};
    rk_bed h;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *list[] = {bad[i], NULL};
        assert_int_equal(rk_bed_open(&h, path_of(state), 0, list, &e), RK_E_INVALID);
        assert_non_null(strstr(e.text, "use "));
        assert_int_equal(rk_bed_close(&h), 0);
    }
    assert_int_equal(rk_bed_load(&h, path_of(state), NULL, &e), RK_OK);
    assert_int_equal(h.backend->open(&h.host, 1, &h.device, &e), RK_E_INVALID);
}

enum { M = 45, N = 70, K = 9000 };

/* One long product with an epilogue and its sum, on one instruction set and so many threads. */
static int compute(const char *path, const char *isa, const char *threads, float *y, float *sum)
{
    const char *list[] = {isa, threads, NULL};
    rk_error e = {.size = sizeof e};
    rk_bed h;
    rk_sample c;
    float *a = malloc(M * K * sizeof *a), *b = malloc(K * N * sizeof *b);
    assert_true(a && b);
    for (int i = 0; i < M * K; i++) a[i] = (float)(i % 977) * 0.01f - 4.0f;
    for (int i = 0; i < K * N; i++) b[i] = (float)(i % 1009) * 0.002f - 1.0f;
    rk_status s = rk_bed_open(&h, path, 0, list, &e);
    if (s == RK_OK) {
        rk_sample_begin(&c, RK_MATMUL);
        rk_sample_in(&c, RK_F32, 2, (int64_t[]){M, K}, 0);
        rk_sample_in(&c, RK_F32, 2, (int64_t[]){K, N}, 0);
        rk_sample_out(&c, RK_F32, 2, (int64_t[]){M, N});
        memcpy(c.op.p, (int64_t[]){1, M, N, K, 0, 0, 0, 0}, 8 * sizeof(int64_t));
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FEXP, RK_R_IN, 0, 0));
        assert_int_equal(rk_sample_run(&h, &c, (const void *[]){a, b}, (void *[]){y}, -1, &e),
                         RK_OK);
        rk_sample_begin(&c, RK_REDUCE);
        rk_sample_in(&c, RK_F32, 3, (int64_t[]){1, M * N, 1}, 0);
        rk_sample_out(&c, RK_F32, 3, (int64_t[]){1, 1, 1});
        memcpy(c.op.p, (int64_t[]){RK_REDUCE_SUM, 1, M * N, 1}, 4 * sizeof(int64_t));
        assert_int_equal(rk_sample_run(&h, &c, (const void *[]){y}, (void *[]){sum}, -1, &e),
                         RK_OK);
    }
    assert_int_equal(rk_bed_close(&h), 0);
    free(a);
    free(b);
    return s;
}

static void same_bits(void **state)
{
    static const char *const isa[] = {"isa=plain", "isa=avx2", "isa=avx512"};
    static const char *const threads[] = {"threads=1", "threads=2", "threads=3", "threads=17"};
    static float first[M * N], y[M * N];
    float first_sum, sum;
    assert_int_equal(compute(path_of(state), isa[0], threads[0], first, &first_sum), RK_OK);
    for (int i = 0; i < 3; i++)
        for (int t = 0; t < 4; t++) {
            rk_status s = compute(path_of(state), isa[i], threads[t], y, &sum);
            if (s == RK_E_UNSUPPORTED) continue; /* this processor has no such instructions */
            assert_int_equal(s, RK_OK);
            assert_memory_equal(y, first, sizeof y);
            assert_memory_equal(&sum, &first_sum, sizeof sum);
        }
}

/* Runs a probe on a workspace that is full of NaN, as far as that is little; returns its work. */
static double run_probe(rk_bed *h, rk_probe p)
{
    rk_error e = {.size = sizeof e};
    rk_kernel *k;
    rk_arg arg = {NULL, 0};
    static unsigned char nan[1 << 22];
    memset(nan, 0xFF, sizeof nan);
    p.size = sizeof p;
    assert_int_equal(h->backend->probe(h->device, &p, &k, &e), RK_OK);
    assert_true(p.work > 0 && p.text[0] != '\0' && p.workspace > 0);
    uint64_t filled = p.workspace < sizeof nan ? p.workspace : sizeof nan;
    assert_true(p.what == RK_PROBE_READ ? p.work == (double)p.workspace : p.workspace == filled);
    assert_int_equal(h->backend->mem_alloc(h->device, p.workspace, &arg.mem, &e), RK_OK);
    assert_int_equal(h->backend->write(h->device, arg.mem, 0, nan, filled, &e), RK_OK);
    assert_int_equal(h->backend->launch(h->device, k, &arg, 0, &e), RK_E_INVALID);
    if (h->backend->launch(h->device, k, &arg, 1, &e) != RK_OK) fail_msg("%s", e.text);
    h->backend->release(h->device, k);
    h->backend->mem_free(h->device, arg.mem);
    return p.work;
}

static void probes(void **state)
{
    static const char *const isa[] = {"isa=plain", "isa=avx2", "isa=avx512"};
    for (int i = 0; i < 3; i++) {
        const char *list[] = {isa[i], "threads=3", NULL};
        rk_bed h;
        rk_error e = {.size = sizeof e};
        rk_kernel *k;
        rk_probe p = {.size = sizeof p, .what = RK_PROBE_FMA, .variants = 1, .rounds = 1};
        rk_status s = rk_bed_open(&h, path_of(state), 0, list, &e);
        if (s == RK_E_UNSUPPORTED) continue; /* this processor has no such instructions */
        assert_int_equal(s, RK_OK);
        for (; p.what <= RK_PROBE_LOCAL; p.what++) {
            for (p.variant = 0; p.variant < p.variants; p.variant++) {
                rk_probe asked = p;
                asked.rounds = 2;
                assert_true(run_probe(&h, asked) == 2 * run_probe(&h, p));
                assert_int_equal(h.backend->probe(h.device, &p, &k, &e), RK_OK);
                h.backend->release(h.device, k);
            }
            assert_true(p.variants >= 2);
            assert_int_equal(h.backend->probe(h.device, &p, &k, &e), RK_E_INVALID);
        }
        p.what = RK_PROBE_READ; /* much memory: one of its variants */
        p.variant = 0;
        assert_true(run_probe(&h, p) >= 1 << 24);
        p.what = RK_PROBE_UPLOAD;
        assert_int_equal(h.backend->probe(h.device, &p, &k, &e), RK_E_UNSUPPORTED);
        assert_int_equal(p.variants, 0);
        assert_int_equal(rk_bed_close(&h), 0);
    }
}

/* Of the threads beside this one: whether there are any, and none may run on the processor. */
static int all_are_off(int cpu)
{
    DIR *tasks = opendir("/proc/self/task");
    int others = 0, on = 0;
    assert_non_null(tasks);
    for (struct dirent *t; (t = readdir(tasks));) {
        cpu_set_t may;
        pid_t id = (pid_t)atoi(t->d_name);
        if (id <= 0 || id == gettid() || sched_getaffinity(id, sizeof may, &may)) continue;
        others++;
        on += CPU_ISSET((size_t)cpu, &may) || CPU_COUNT(&may) == 0;
    }
    closedir(tasks);
    return others > 0 && on == 0;
}

/* A worker that slept gets up on another processor than the caller's, wherever that one is; unless
 * there are as many workers as processors. */
static void workers_apart(void **state)
{
    enum { TRIES = 500 }; /* a busy machine's worker may take its time to fall asleep */
    cpu_set_t all, one;
    char threads[32];
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    if (CPU_COUNT(&all) < 2) skip();
    for (int spare = 1; spare >= 0; spare--) {
        const char *list[] = {"isa=plain", threads, NULL};
        rk_bed h;
        rk_error e = {.size = sizeof e};
        snprintf(threads, sizeof threads, "threads=%d", spare ? 2 : CPU_COUNT(&all) + 1);
        assert_int_equal(rk_bed_open(&h, path_of(state), 0, list, &e), RK_OK);
        for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE && seen < 2; cpu++) {
            int off = 0;
            if (!CPU_ISSET((size_t)cpu, &all)) continue;
            seen++;
            CPU_ZERO(&one);
            CPU_SET((size_t)cpu, &one);
            assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
            for (int i = 0; i < (spare ? TRIES : 2) && !off; i++) {
                usleep(10000);
                run_probe(&h, (rk_probe){.what = RK_PROBE_FMA, .rounds = 1});
                off = all_are_off(cpu);
            }
            assert_int_equal(off, spare);
        }
        assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
        assert_int_equal(rk_bed_close(&h), 0);
    }
}

enum { FN = 5, FC = 67, FH = 13, FW = 9, FK = 50, FMOST = FN * FC * FH * FW };

/* A convolution of the fast tier with relu; 0 if this processor has no such instructions. */
static int convolve(const char *path, const char *isa, const char *threads, const char *tile,
                    int64_t which, float *y)
{
    static const int64_t x[4] = {FN, FC, FH, FW}, w[4] = {FK, FC, 3, 3}, g[4] = {FN, FK, FH, FW};
    static float a[FMOST], b[FMOST];
    const char *list[] = {isa, threads, tile, NULL};
    rk_error e = {.size = sizeof e};
    rk_bed h;
    rk_sample c;
    rk_kinfo info;
    for (int i = 0; i < FMOST; i++) a[i] = (float)(i % 977) * 0.01f - 4.0f;
    for (int i = 0; i < FMOST; i++) b[i] = (float)(i % 1009) * 0.002f - 1.0f;
    int opened = rk_bed_open(&h, path, 0, list, &e) == RK_OK;
    if (opened) {
        rk_sample_begin(&c, RK_CONV);
        rk_sample_in(&c, RK_F32, 4, which == RK_CONV_DX ? g : x, 0);
        rk_sample_in(&c, RK_F32, 4, which == RK_CONV_DW ? g : w, 0);
        rk_sample_out(&c, RK_F32, 4, which == RK_CONV_Y ? g : which == RK_CONV_DX ? x : w);
        memcpy(c.op.p, (int64_t[]){which, FN, FC, FH, FW, FK, 3, 3, 1, 1, 1, 1, FH, FW},
               14 * sizeof(int64_t));
        c.op.flags = RK_OP_FAST;
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FMAX, RK_R_IN, rk_sample_immf(&c, 0.0f), 0));
        assert_int_equal(
            rk_sample_run_info(&h, &c, (const void *[]){a, b}, (void *[]){y}, -1, &info, &e),
            RK_OK);
        assert_int_equal(info.tier, strcmp(isa, "isa=plain") == 0 ? RK_TIER_EXACT : RK_TIER_FAST);
        if (info.tier == RK_TIER_FAST && which != RK_CONV_DW)
            assert_non_null(strstr(info.impl, tile + strlen("cpu.winograd=")));
    }
    assert_int_equal(rk_bed_close(&h), 0);
    return opened;
}

/* What is fast has one result, too, whatever the vectors and the threads. */
static void same_fast_bits(void **state)
{
    static const char *const isa[] = {"isa=avx2", "isa=avx512", "isa=plain"};
    static const char *const threads[] = {"threads=1", "threads=2", "threads=3", "threads=17"};
    static const char *const tiles[] = {"cpu.winograd=2x2", "cpu.winograd=4x4"};
    static float first[FMOST], y[FMOST];
    int known = 0;
    for (int i = 0; i < 2 * 3 * 3 * 4; i++) {
        int t = i % 4, set = i / 4 % 3, which = i / 12 % 3;
        if (i % 12 == 0) known = 0;
        if (!convolve(path_of(state), isa[set], threads[t], tiles[i / 36], which, y)) continue;
        if (!known) memcpy(first, y, sizeof first);
        if (set < 2) assert_memory_equal(y, first, sizeof y);
        known = 1;
    }
}

/* sin and cos where a tile has arguments that are reduced in integers, and where it has none. */
static void sines(rk_bed *h)
{
    enum { WORDS = 3072, PART = WORDS / 3 };
    static const float some[] = {-0.0f, 0.0f, 131071.9f, 131072.0f, -1e6f, 1e30f, -INFINITY, NAN};
    static uint32_t x[WORDS], y[2][WORDS];
    rk_error e = {.size = sizeof e};
    rk_sample c;
    for (int i = 0; i < WORDS; i++) {
        float near = i % 5 ? (float)(i - 1000) * 0.37f : some[i % 2];
        float far = i < 2 * PART ? some[i % 8] : (float)i * 997.3f;
        x[i] = rk_bits(i < PART ? near : far);
    }
    rk_sample_begin(&c, RK_EWISE);
    rk_sample_in(&c, RK_F32, 1, (int64_t[]){WORDS}, 0);
    for (uint16_t i = 0; i < 2; i++) {
        rk_sample_out(&c, RK_F32, 1, (int64_t[]){WORDS});
        rk_sample_store(&c, i, rk_sample_ins(&c, i ? RK_I_FCOS : RK_I_FSIN, RK_R_IN, 0, 0));
    }
    assert_int_equal(rk_sample_run(h, &c, (const void *[]){x}, (void *[]){y[0], y[1]}, -1, &e),
                     RK_OK);
    for (int i = 0; i < WORDS; i++) {
        assert_int_equal(y[0][i], rk_op_FSIN(x[i]));
        assert_int_equal(y[1][i], rk_op_FCOS(x[i]));
    }
}

/* Sums of nothing but -0 are +0. */
static void zeros(rk_bed *h, int64_t row)
{
    enum { ROWS = 7, WORDS = 300 };
    static float x[ROWS * WORDS], y[ROWS];
    static const float none[ROWS] = {0};
    rk_error e = {.size = sizeof e};
    rk_sample c;
    for (int i = 0; i < ROWS * WORDS; i++) x[i] = -0.0f;
    rk_sample_begin(&c, RK_REDUCE);
    rk_sample_in(&c, RK_F32, 3, (int64_t[]){ROWS, row, 1}, 0);
    rk_sample_out(&c, RK_F32, 3, (int64_t[]){ROWS, 1, 1});
    memcpy(c.op.p, (int64_t[]){RK_REDUCE_SUM, ROWS, row, 1}, 4 * sizeof(int64_t));
    assert_int_equal(rk_sample_run(h, &c, (const void *[]){x}, (void *[]){y}, -1, &e), RK_OK);
    assert_memory_equal(y, none, sizeof y);
}

/* A transposed copy that goes past the caches. */
static void transpose(rk_bed *h, int64_t rows, int64_t columns)
{
    const int64_t n = rows * columns, p[] = {2, rows, 1, columns, columns, rows, 1};
    uint32_t *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y), bad = 0;
    rk_error e = {.size = sizeof e};
    rk_sample c;
    assert_true(x && y);
    for (int64_t i = 0; i < n; i++) x[i] = (uint32_t)i * 2654435761u;
    rk_sample_begin(&c, RK_COPY);
    rk_sample_in(&c, RK_F32, 1, &n, 0);
    rk_sample_out(&c, RK_F32, 1, &n);
    memcpy(c.op.p, p, sizeof p);
    assert_int_equal(rk_sample_run(h, &c, (const void *[]){x}, (void *[]){y}, -1, &e), RK_OK);
    for (int64_t i = 0; i < n; i++) bad += y[i] != x[i % columns * rows + i / columns];
    assert_int_equal(bad, 0);
    free(x);
    free(y);
}

static void edges(void **state)
{
    static const char *const isa[] = {"isa=plain", "isa=avx2", "isa=avx512"};
    for (int i = 0; i < 3; i++) {
        rk_error e = {.size = sizeof e};
        rk_bed h;
        rk_status s = rk_bed_open(&h, path_of(state), 0, (const char *[]){isa[i], NULL}, &e);
        if (s == RK_OK) {
            sines(&h);
            zeros(&h, 1);
            zeros(&h, 49);
            zeros(&h, 64);
            zeros(&h, 300);
            transpose(&h, 600, 1024);
            transpose(&h, 1001, 601);
        }
        assert_int_equal(rk_bed_close(&h), 0);
        assert_true(s == RK_OK || s == RK_E_UNSUPPORTED);
    }
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {cmocka_unit_test(table),          cmocka_unit_test(enumeration),
                                 cmocka_unit_test(options),        cmocka_unit_test(same_bits),
                                 cmocka_unit_test(probes),         cmocka_unit_test(workers_apart),
                                 cmocka_unit_test(same_fast_bits), cmocka_unit_test(edges)};
    if (argc != 2) return 2;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tests[i].initial_state = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
