/* MATMUL: one fma chain an output, blocks of long chains, transposes, batches, epilogues. */
#include "kinds.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <rethink/numerics.h>

typedef struct product {
    int64_t batch, m, n, k, ta, tb, stride_a, stride_b;
} product;

static float chain(const product *p, const float *a, const float *b, int64_t i, int64_t j)
{
    float total = 0.0f;
    for (int64_t from = 0; from < p->k; from += RK_MATMUL_BLOCK) {
        int64_t end = from + RK_MATMUL_BLOCK < p->k ? from + RK_MATMUL_BLOCK : p->k;
        float acc = 0.0f;
        for (int64_t l = from; l < end; l++)
            acc = fmaf(p->ta ? a[l * p->m + i] : a[i * p->k + l],
                       p->tb ? b[j * p->k + l] : b[l * p->n + j], acc);
        total = from == 0 ? acc : total + acc;
    }
    return total;
}

static uint32_t *multiply(const product *p, const float *a, const float *b)
{
    uint32_t *y = malloc((size_t)(p->batch * p->m * p->n) * 4 + 1), *out = y;
    assert_non_null(y);
    for (int64_t t = 0; t < p->batch; t++, a += p->stride_a, b += p->stride_b)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) *out++ = rk_bits(chain(p, a, b, i, j));
    return y;
}

static void begin(harness_case *c, const product *p)
{
    int64_t a = p->batch ? (p->batch - 1) * p->stride_a + p->m * p->k : 0;
    int64_t b = p->batch ? (p->batch - 1) * p->stride_b + p->k * p->n : 0;
    case_begin(c, RK_MATMUL);
    case_in(c, RK_F32, 1, &a, 0);
    case_in(c, RK_F32, 1, &b, 0);
    memcpy(c->op.p, p, sizeof *p);
}

static void finish(harness *h, harness_case *c, const product *p, random_state *r, int special)
{
    case_data d;
    data_make(c, &d, r, special);
    uint32_t *raw = multiply(p, d.in[0], d.in[1]);
    want_raw(c, &d, raw, 2);
    free(raw);
    expect_want(h, c, &d, "matmul");
    data_free(c, &d);
}

/* All four transposes, without a program. */
static void run(harness *h, random_state *r, product p, int special)
{
    if (too_large(h, p.batch * p.m * p.n * p.k)) return;
    for (int t = 0; t < 4; t++) {
        harness_case c;
        p.ta = t & 1;
        p.tb = t >> 1;
        begin(&c, &p);
        case_out(&c, RK_F32, 3, (int64_t[]){p.batch, p.m, p.n});
        finish(h, &c, &p, r, special);
    }
}

static product dense(int64_t batch, int64_t m, int64_t n, int64_t k)
{
    return (product){batch, m, n, k, 0, 0, m * k, k * n};
}

static void sizes(void **state)
{
    harness *h = *state;
    random_state r = {21};
    static const int64_t list[][3] = {
        {1, 1, 1},     {0, 3, 4},      {3, 0, 4},      {3, 4, 0},      {1, 1, 70001}, {1, 70001, 2},
        {70001, 1, 2}, {2, 3, 5},      {7, 13, 31},    {14, 32, 16},   {15, 33, 17},  {13, 31, 300},
        {29, 65, 257}, {97, 101, 103}, {128, 10, 512}, {129, 47, 385}, {6, 16, 1000}, {200, 17, 9},
        {16, 64, 3},   {61, 7, 600},   {5, 300, 400},  {331, 293, 61}, {1, 257, 129}, {40, 4, 1}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int special = 0; special < 2; special++)
            run(h, &r, dense(1, list[i][0], list[i][1], list[i][2]), special);
}

static void long_chains(void **state)
{
    random_state r = {22};
    static const int64_t lengths[] = {8191, 8192, 8193, 16384, 16391, 30000};
    for (int i = 0; i < 6; i++) run(*state, &r, dense(1, 15, 35, lengths[i]), DATA_PLAIN);
    run(*state, &r, dense(3, 2, 1, 8200), DATA_SPECIAL);
}

static void batches(void **state)
{
    random_state r = {23};
    run(*state, &r, dense(0, 3, 4, 5), DATA_PLAIN);
    run(*state, &r, dense(5, 9, 17, 33), DATA_PLAIN);
    run(*state, &r, dense(67, 3, 4, 5), DATA_PLAIN);
    run(*state, &r, dense(2, 60, 70, 80), DATA_PLAIN);
    run(*state, &r, (product){5, 9, 17, 33, 0, 0, 0, 33 * 17}, DATA_PLAIN);    /* a is shared */
    run(*state, &r, (product){5, 9, 17, 33, 0, 0, 9 * 33 + 5, 0}, DATA_PLAIN); /* b is shared */
    run(*state, &r, (product){3, 9, 17, 33, 0, 0, 11, 13}, DATA_PLAIN);        /* they overlap */
}

/* relu(result + bias) and the mask of it as bytes; then a residual and an index. */
static void epilogues(void **state)
{
    harness *h = *state;
    random_state r = {24};
    static const int64_t list[][4] = {{1, 1, 1, 1},      {1, 13, 31, 300}, {1, 128, 10, 64},
                                      {3, 37, 65, 20},   {2, 5, 40, 0},    {0, 2, 3, 4},
                                      {1, 90, 600, 700}, {1, 9, 33, 8300}};
    for (int i = 0; i < 8; i++)
        for (int with = 0; with < 4; with++) {
            product p = dense(list[i][0], list[i][1], list[i][2], list[i][3]);
            const int64_t dim[3] = {p.batch, p.m, p.n};
            harness_case c;
            if (too_large(h, p.batch * p.m * p.n * p.k)) continue;
            p.tb = with & 1;
            begin(&c, &p);
            case_in(&c, RK_F32, 3, dim, 3); /* program input 1: a bias along n */
            case_in(&c, RK_F32, 3, dim, 4); /* 2: along batch and m */
            case_in(&c, RK_F32, 3, dim, 0); /* 3: everywhere */
            uint16_t sum = case_ins(&c, RK_I_FADD, RK_R_IN + 0, RK_R_IN + 1, 0);
            uint16_t relu = case_ins(&c, RK_I_FMAX, sum, case_immf(&c, 0.0f), 0);
            uint16_t on = case_ins(&c, RK_I_FLT, case_imm(&c, 0), sum, 0);
            if (with != 2) {
                case_out(&c, RK_F32, 3, dim);
                case_store(&c, 0, relu);
            }
            case_store(&c, case_out(&c, RK_U8, 3, dim), on);
            if (with == 3) {
                uint16_t more = case_ins(&c, RK_I_FMUL, RK_R_IN + 0, RK_R_IN + 2, 0);
                uint16_t all = case_ins(&c, RK_I_FADD, more, RK_R_IN + 3, 0);
                uint16_t at = case_ins(&c, RK_I_U2F, RK_R_INDEX, 0, 0);
                case_store(&c, case_out(&c, RK_F32, 3, dim), case_ins(&c, RK_I_FSUB, all, at, 0));
                case_store(&c, case_out(&c, RK_F32, 3, dim), RK_R_IN + 0);
            }
            finish(h, &c, &p, &r, DATA_PLAIN);
        }
}

static void random_products(void **state)
{
    harness *h = *state;
    random_state r = {25};
    for (int i = 0; i < (h->small ? 5 : 120); i++)
        run(h, &r,
            dense(1 + random_below(&r, 2), 1 + random_below(&r, 90), 1 + random_below(&r, 140),
                  1 + random_below(&r, 90)),
            (int)random_below(&r, 2));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(long_chains),
                                          cmocka_unit_test(batches), cmocka_unit_test(epilogues),
                                          cmocka_unit_test(random_products)};
const kinds_group kinds_matmul = {"matmul", tests, sizeof tests / sizeof *tests};
