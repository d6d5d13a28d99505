/* TAKE and PUT: repeated, missing and far-off rows, every dtype. */
#include "kinds.h"
#include <string.h>

static const int64_t shapes[][3] = {{1, 1, 1},      {0, 3, 4},     {4, 0, 3},     {4, 3, 0},
                                    {10, 7, 33},    {3, 1, 70001}, {500, 97, 20}, {2, 70001, 3},
                                    {1000, 3, 700}, {60, 784, 128}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool set_up(harness *h, harness_case *c, uint32_t kind, uint32_t dtype, const int64_t *p)
{
    int64_t rows[2] = {p[0], p[1]}, picked[2] = {p[2], p[1]};
    case_begin(c, kind);
    case_in(c, dtype, 2, kind == RK_TAKE ? rows : picked, 0);
    case_in(c, RK_U32, 1, &p[2], 0);
    case_out(c, dtype, 2, kind == RK_TAKE ? picked : rows);
    memcpy(c->op.p, p, 3 * sizeof *p);
    return !too_large(h, (p[0] + p[2]) * p[1]);
}

/* Mostly rows that exist, one in eight that does not. */
static void pick_rows(uint32_t *index, const int64_t *p, random_state *r)
{
    for (int64_t j = 0; j < p[2]; j++) {
        uint32_t pick = random_below(r, 16);
        index[j] = pick ? random_below(r, (uint32_t)p[0]) : random_word(r);
        if (pick == 1) index[j] = (uint32_t)p[0];
    }
}

static void take(void **state)
{
    static const uint32_t dtypes[] = {RK_F32, RK_U32, RK_U8};
    random_state r = {31};
    for (int s = 0; s < SHAPES; s++)
        for (int t = 0; t < 3; t++) {
            const int64_t *p = shapes[s];
            harness_case c;
            case_data d;
            if (!set_up(*state, &c, RK_TAKE, dtypes[t], p)) continue;
            data_make(&c, &d, &r, DATA_SPECIAL);
            uint32_t *index = d.in[1];
            pick_rows(index, p, &r);
            size_t row = (size_t)p[1] * dtype_bytes(dtypes[t]);
            for (int64_t j = 0; j < p[2]; j++) {
                unsigned char *to = (unsigned char *)d.want[0] + (size_t)j * row;
                memset(to, 0, row);
                if (index[j] < (uint64_t)p[0])
                    memcpy(to, (unsigned char *)d.in[0] + index[j] * row, row);
            }
            expect_want(*state, &c, &d, "take");
            data_free(&c, &d);
        }
}

static void put(void **state)
{
    random_state r = {32};
    for (int s = 0; s < SHAPES; s++)
        for (int special = 0; special < 2; special++) {
            const int64_t *p = shapes[s];
            harness_case c;
            case_data d;
            if (!set_up(*state, &c, RK_PUT, RK_F32, p)) continue;
            data_make(&c, &d, &r, special);
            uint32_t *index = d.in[1];
            float *want = d.want[0];
            const float *x = d.in[0];
            pick_rows(index, p, &r);
            for (int64_t i = 0; i < p[0] * p[1]; i++) want[i] = 0.0f;
            for (int64_t j = 0; j < p[2]; j++)
                for (int64_t i = 0; i < p[1] && index[j] < (uint64_t)p[0]; i++)
                    want[(int64_t)index[j] * p[1] + i] += x[j * p[1] + i];
            expect_want(*state, &c, &d, "put");
            data_free(&c, &d);
        }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(take), cmocka_unit_test(put)};
const kinds_group kinds_index = {"take and put", tests, sizeof tests / sizeof *tests};
