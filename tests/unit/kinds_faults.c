/* The n-th host allocation fails, for every n: a refusal, no crash, no leak.  And the calls that
 * are optional. */
#include "kinds.h"
#include <string.h>

static rk_status one_of_each(harness *h, rk_error *e)
{
    rk_device *device = NULL, *outer = h->device;
    rk_status s = h->backend->open(&h->host, h->info.index, &device, e);
    if (s != RK_OK) return s;
    h->device = device;
    harness_case c;
    float data[4][64] = {{0}};
    case_begin(&c, RK_MATMUL);
    case_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 0);
    case_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 0);
    case_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 1);
    case_out(&c, RK_F32, 2, (int64_t[]){8, 8});
    case_store(&c, 0, case_ins(&c, RK_I_FADD, RK_R_IN, RK_R_IN + 1, 0));
    memcpy(c.op.p, (int64_t[]){1, 8, 8, 8, 0, 0, 64, 64}, 8 * sizeof(int64_t));
    s = harness_run(h, &c, (const void *[]){data[0], data[1], data[2]}, (void *[]){data[3]}, -1, e);
    h->device = outer;
    h->backend->close(device);
    return s;
}

static void allocations(void **state)
{
    harness *h = *state;
    rk_error e = {.size = sizeof e};
    long live = h->alloc.live, most = h->small ? 4 : 300, n;
    assert_int_equal(one_of_each(h, &e), RK_OK); /* what is kept for the life of the process */
    live = h->alloc.live;
    for (n = 1; n < most; n++) {
        h->alloc.fail_at = h->alloc.calls + n;
        memset(&e, 0, sizeof e);
        e.size = sizeof e;
        rk_status s = one_of_each(h, &e);
        bool reached = h->alloc.calls >= h->alloc.fail_at;
        h->alloc.fail_at = 0;
        if (h->alloc.live != live)
            fail_msg("allocation %ld failed: %ld leak", n, h->alloc.live - live);
        if (!reached) break;
        if (s != RK_OK && (s != RK_E_NOMEM || strlen(e.text) == 0))
            fail_msg("allocation %ld failed: status %d, text \"%s\"", n, (int)s, e.text);
    }
    assert_int_equal(one_of_each(h, &e), RK_OK);
}

static void timeline(void **state)
{
    harness *h = *state;
    const rk_backend *b = h->backend;
    rk_error e = {.size = sizeof e};
    uint64_t from, to, ns = 0;
    if (!RK_HAS(rk_backend, b, elapsed_ns) || !b->mark || !b->wait || !b->elapsed_ns) skip();
    assert_int_equal(b->mark(h->device, &from, &e), RK_OK);
    assert_int_equal(b->mark(h->device, &to, &e), RK_OK);
    assert_int_equal(b->wait(h->device, to, &e), RK_OK);
    assert_int_equal(b->elapsed_ns(h->device, from, to, &ns, &e), RK_OK);
    assert_true(ns < 1000000000u);
    assert_int_not_equal(b->wait(h->device, to + 1000000, &e), RK_OK);
}

/* Memory and kernels that are left are freed by close; harness_close counts. */
static void left_to_close(void **state)
{
    harness *h = *state;
    rk_error e = {.size = sizeof e};
    rk_device *device;
    rk_mem *mem;
    long live = h->alloc.live;
    assert_int_equal(h->backend->open(&h->host, h->info.index, &device, &e), RK_OK);
    assert_int_equal(h->backend->mem_alloc(device, 1000, &mem, &e), RK_OK);
    assert_int_equal(h->backend->mem_alloc(device, 1, &mem, &e), RK_OK);
    assert_int_equal(h->backend->mem_alloc(device, (uint64_t)1 << 60, &mem, &e), RK_E_NOMEM);
    h->backend->close(device);
    assert_int_equal(h->alloc.live, live);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(allocations), cmocka_unit_test(timeline),
                                          cmocka_unit_test(left_to_close)};
const kinds_group kinds_faults = {"faults", tests, sizeof tests / sizeof *tests};
