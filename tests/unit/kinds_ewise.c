/* EWISE: every instruction, broadcasts, many outputs, random programs. */
#include "kinds.h"
#include <rethink/numerics.h>

static void run(harness *h, harness_case *c, random_state *r, int special)
{
    case_data d;
    data_make(c, &d, r, special);
    reference_program(c, &d, NULL, 0, NULL);
    expect_want(h, c, &d, "ewise");
    data_free(c, &d);
}

static const int64_t counts[] = {0, 1, 2, 31, 64, 97, 1000, 1025, 4099, 70001};

static void each_instruction(void **state)
{
    harness *h = *state;
    random_state r = {1};
#define X(name, n) {RK_I_##name, n},
    static const struct {
        uint16_t op;
        int n;
    } table[] = {RK_INSTRUCTIONS(X)};
#undef X
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        for (int special = 0; special < 2; special++) {
            harness_case c;
            int64_t dim[1] = {h->small ? 300 : 5003};
            uint32_t dtype = table[k].op >= RK_I_IADD && table[k].op <= RK_I_U2F ? RK_U32 : RK_F32;
            uint32_t result = dtype;
            if (table[k].op == RK_I_U2F) result = RK_F32;
            if (table[k].op == RK_I_F2U || table[k].op == RK_I_FLT || table[k].op == RK_I_FEQ)
                result = RK_U32;
            case_begin(&c, RK_EWISE);
            uint16_t in[3] = {0, 0, 0};
            for (int j = 0; j < table[k].n; j++)
                in[j] =
                    case_in(&c, table[k].op == RK_I_SELECT && j == 0 ? RK_U8 : dtype, 1, dim, 0);
            case_out(&c, result, 1, dim);
            case_store(&c, 0, case_ins(&c, table[k].op, in[0], in[1], in[2]));
            run(h, &c, &r, special);
        }
}

static void sizes(void **state)
{
    harness *h = *state;
    random_state r = {2};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (too_large(h, counts[k])) continue;
        harness_case c;
        case_begin(&c, RK_EWISE);
        uint16_t v = case_in(&c, RK_F32, 1, &counts[k], 0),
                 g = case_in(&c, RK_F32, 1, &counts[k], 0);
        uint16_t w = case_in(&c, RK_F32, 1, &counts[k], 0);
        case_out(&c, RK_F32, 1, &counts[k]);
        case_out(&c, RK_F32, 1, &counts[k]);
        uint16_t mv = case_ins(&c, RK_I_FMUL, case_immf(&c, 0.9f), v, 0);
        uint16_t v2 = case_ins(&c, RK_I_FADD, mv, g, 0);
        case_store(&c, 0, v2);
        uint16_t step = case_ins(&c, RK_I_FMUL, case_immf(&c, 0.05f), v2, 0);
        case_store(&c, 1, case_ins(&c, RK_I_FSUB, w, step, 0));
        run(h, &c, &r, DATA_PLAIN);
    }
}

static void broadcasts(void **state)
{
    harness *h = *state;
    random_state r = {3};
    static const int64_t shape[][6] = {
        {3, 5, 2, 4, 3, 2}, {1, 7, 1, 11, 1, 13}, {37, 1, 1, 1, 1, 129}, {2, 3, 700, 1, 2, 1}};
    for (size_t s = 0; s < 4; s++)
        for (uint32_t rank = 0; rank <= 6; rank++)
            for (uint32_t mask = 0; mask < 1u << rank; mask += rank < 4 ? 1 : 3) {
                harness_case c;
                case_begin(&c, RK_EWISE);
                uint16_t a = case_in(&c, RK_F32, rank, shape[s], mask);
                uint16_t b = case_in(&c, RK_U8, rank, shape[s], ~mask);
                uint16_t full = case_in(&c, RK_F32, rank, shape[s], 0);
                case_out(&c, RK_F32, rank, shape[s]);
                uint16_t bf = case_ins(&c, RK_I_U2F, b, 0, 0);
                uint16_t sum = case_ins(&c, RK_I_FADD, a, bf, 0);
                uint16_t index = case_ins(&c, RK_I_U2F, RK_R_INDEX, 0, 0);
                uint16_t all = case_ins(&c, RK_I_FMUL, sum, index, 0);
                case_store(&c, 0, case_ins(&c, RK_I_FSUB, full, all, 0));
                run(h, &c, &r, DATA_PLAIN);
            }
}

/* Stores of inputs, immediates and the index; bytes out; reads after a store to output 0. */
static void stores(void **state)
{
    harness *h = *state;
    random_state r = {4};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (too_large(h, counts[k])) continue;
        const int64_t *n = &counts[k];
        harness_case c;
        case_begin(&c, RK_EWISE);
        uint16_t a = case_in(&c, RK_U32, 1, n, 0), b = case_in(&c, RK_U8, 1, n, 0);
        uint16_t one = case_in(&c, RK_U32, 1, n, 1);
        for (int j = 0; j < 7; j++) case_out(&c, j == 2 || j == 3 ? RK_U8 : RK_U32, 1, n);
        uint16_t sum = case_ins(&c, RK_I_IADD, a, b, 0);
        case_store(&c, 0, sum);
        case_store(&c, 2, sum);
        case_store(&c, 1, a);
        case_store(&c, 3, b);
        case_store(&c, 4, case_imm(&c, 0xDEADBEEFu));
        case_store(&c, 6, RK_R_INDEX);
        case_store(&c, 5, case_ins(&c, RK_I_IMUL, a, one, 0));
        run(h, &c, &r, DATA_PLAIN);
    }
}

static void one_value_everywhere(void **state)
{
    harness *h = *state;
    random_state r = {5};
    harness_case c;
    int64_t n = 3001;
    case_begin(&c, RK_EWISE);
    case_out(&c, RK_U32, 1, &n);
    case_out(&c, RK_U32, 1, &n);
    uint16_t seven = case_imm(&c, 7);
    uint16_t sum = case_ins(&c, RK_I_IADD, seven, seven, 0);
    case_store(&c, 1, sum);
    case_store(&c, 0, sum);
    run(h, &c, &r, DATA_PLAIN);
}

/* A register of type float or word, for random programs in which words stay words: the bits of a
 * NaN are free, so they must not be seen through an integer instruction. */
typedef struct pool {
    uint16_t reg[2][HARNESS_CODE + 16];
    uint32_t n[2];
} pool;

static void pool_add(pool *p, int is_word, uint16_t reg) { p->reg[is_word][p->n[is_word]++] = reg; }

static uint16_t pool_pick(const pool *p, int is_word, random_state *r)
{
    return p->reg[is_word][random_below(r, p->n[is_word])];
}

static void random_instruction(harness_case *c, pool *p, random_state *r)
{
    static const uint16_t float_ops[] = {RK_I_FADD, RK_I_FSUB, RK_I_FMUL,   RK_I_FDIV,
                                         RK_I_FMAX, RK_I_FNEG, RK_I_FRECIP, RK_I_FSQRT,
                                         RK_I_FEXP, RK_I_FLOG, RK_I_FSIN,   RK_I_FCOS};
    static const uint16_t word_ops[] = {RK_I_IADD, RK_I_ISUB, RK_I_IMUL, RK_I_IMULHI, RK_I_ILT,
                                        RK_I_IEQ,  RK_I_IAND, RK_I_ISHR, RK_I_IMAX};
    uint32_t pick = random_below(r, 30);
    if (pick < 12) {
        bool one = pick >= 5;
        uint16_t a = pool_pick(p, 0, r), b = one ? 0 : pool_pick(p, 0, r);
        pool_add(p, 0, case_ins(c, float_ops[pick], a, b, 0));
    } else if (pick < 21) {
        uint16_t a = pool_pick(p, 1, r), b = pool_pick(p, 1, r);
        pool_add(p, 1, case_ins(c, word_ops[pick - 12], a, b, 0));
    } else if (pick < 23) {
        uint16_t a = pool_pick(p, 0, r), b = pool_pick(p, 0, r);
        pool_add(p, 1, case_ins(c, pick == 21 ? RK_I_FLT : RK_I_FEQ, a, b, 0));
    } else if (pick < 25) {
        pool_add(p, 0, case_ins(c, RK_I_U2F, pool_pick(p, 1, r), 0, 0));
    } else if (pick < 27) {
        pool_add(p, 1, case_ins(c, RK_I_F2U, pool_pick(p, 0, r), 0, 0));
    } else {
        int is_word = pick == 29;
        uint16_t a = pool_pick(p, 1, r), b = pool_pick(p, is_word, r);
        pool_add(p, is_word, case_ins(c, RK_I_SELECT, a, b, pool_pick(p, is_word, r)));
    }
}

static void random_program(harness *h, random_state *r)
{
    harness_case c;
    pool p = {.n = {0, 0}};
    int64_t dim[6];
    uint32_t rank = random_below(r, 7), n_in = 2 + random_below(r, 5),
             n_out = 1 + random_below(r, 3);
    uint32_t length = 1 + random_below(r, 40);
    for (uint32_t d = 0; d < rank; d++) dim[d] = 1 + random_below(r, rank > 3 ? 6 : 40);
    case_begin(&c, RK_EWISE);
    for (uint32_t j = 0; j < n_in; j++) {
        uint32_t dtype = j == 0 ? RK_F32 : j == 1 ? RK_U32 : random_word(r) & 1u ? RK_F32 : RK_U8;
        uint32_t mask = random_below(r, 2) ? 0 : random_word(r) & 63u;
        pool_add(&p, dtype != RK_F32, case_in(&c, dtype, rank, dim, mask));
    }
    pool_add(&p, 0, case_immf(&c, random_float(r)));
    pool_add(&p, 1, case_imm(&c, random_word(r)));
    pool_add(&p, 1, RK_R_INDEX);
    for (uint32_t k = 0; k < length; k++) random_instruction(&c, &p, r);
    for (uint32_t j = 0; j < n_out; j++) {
        int is_word = (int)random_below(r, 2);
        case_out(&c, !is_word ? RK_F32 : random_below(r, 2) ? RK_U32 : RK_U8, rank, dim);
        case_store(&c, (uint16_t)j, pool_pick(&p, is_word, r));
    }
    run(h, &c, r, (int)random_below(r, 2));
}

static void random_programs(void **state)
{
    harness *h = *state;
    random_state r = {6};
    for (int i = 0; i < (h->small ? 12 : 150); i++) random_program(h, &r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_instruction),     cmocka_unit_test(sizes),
    cmocka_unit_test(broadcasts),           cmocka_unit_test(stores),
    cmocka_unit_test(one_value_everywhere), cmocka_unit_test(random_programs)};
const kinds_group kinds_ewise = {"ewise", tests, sizeof tests / sizeof *tests};
