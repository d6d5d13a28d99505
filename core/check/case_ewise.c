/* EWISE: every instruction, broadcasts, many outputs, random programs. */
#include "check/cases.h"
#include "rethink/numerics.h"

void rk_refer_ewise(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    (void)bed;
    rk_contract_program(c, d, NULL, 0, NULL);
    rk_oracle_program(c, d, NULL, 0, NULL);
}

static void run(rk_bed *bed, const rk_sample *c, rk_dice *r, int special)
{
    rk_operands d;
    if (rk_operands_make(bed, c, &d, r, special)) {
        rk_refer_ewise(bed, c, &d);
        rk_expect(bed, c, &d);
    }
    rk_operands_free(&d);
}

static const int64_t counts[] = {0, 1, 2, 31, 64, 97, 1000, 1025, 4099, 70001, 600011};

static void instructions(rk_bed *bed)
{
    rk_dice r = {1};
#define X(name, n) {RK_I_##name, n},
    static const struct {
        uint16_t op;
        int n;
    } table[] = {RK_INSTRUCTIONS(X)};
#undef X
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        for (int special = 0; special < 2; special++) {
            rk_sample c;
            int64_t dim[1] = {bed->quick ? 300 : 5003};
            uint32_t dtype = table[k].op >= RK_I_IADD && table[k].op <= RK_I_U2F ? RK_U32 : RK_F32;
            uint32_t result = dtype;
            if (table[k].op == RK_I_U2F) result = RK_F32;
            if (table[k].op == RK_I_F2U || table[k].op == RK_I_FLT || table[k].op == RK_I_FEQ)
                result = RK_U32;
            rk_sample_begin(&c, RK_EWISE);
            uint16_t in[3] = {0, 0, 0};
            for (int j = 0; j < table[k].n; j++)
                in[j] = rk_sample_in(&c, table[k].op == RK_I_SELECT && j == 0 ? RK_U8 : dtype, 1,
                                     dim, 0);
            rk_sample_out(&c, result, 1, dim);
            rk_sample_store(&c, 0, rk_sample_ins(&c, table[k].op, in[0], in[1], in[2]));
            run(bed, &c, &r, special);
        }
}

/* x + y; y is broadcast along the dimensions in mask. */
static void sum(rk_bed *bed, rk_dice *r, uint32_t rank, const int64_t *dim, uint32_t mask,
                int special)
{
    rk_sample c;
    rk_sample_begin(&c, RK_EWISE);
    uint16_t x = rk_sample_in(&c, RK_F32, rank, dim, 0),
             y = rk_sample_in(&c, RK_F32, rank, dim, mask);
    rk_sample_out(&c, RK_F32, rank, dim);
    rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FADD, x, y, 0));
    run(bed, &c, r, special);
}

static void sizes(rk_bed *bed)
{
    rk_dice r = {2};
    const int64_t rows[2] = {11003, 49}; /* that start anywhere in a cache line */
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        for (int special = 0; special < 2; special++)
            if (!rk_too_large(bed, counts[k])) sum(bed, &r, 1, &counts[k], 0, special);
    if (!rk_too_large(bed, rows[0] * rows[1])) sum(bed, &r, 2, rows, 2, RK_PLAIN);
}

/* A step of momentum: two outputs, and subnormals of products with small numbers. */
static void momentum(rk_bed *bed)
{
    rk_dice r = {7};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (rk_too_large(bed, counts[k])) continue;
        rk_sample c;
        rk_sample_begin(&c, RK_EWISE);
        uint16_t v = rk_sample_in(&c, RK_F32, 1, &counts[k], 0),
                 g = rk_sample_in(&c, RK_F32, 1, &counts[k], 0);
        uint16_t w = rk_sample_in(&c, RK_F32, 1, &counts[k], 0);
        rk_sample_out(&c, RK_F32, 1, &counts[k]);
        rk_sample_out(&c, RK_F32, 1, &counts[k]);
        uint16_t mv = rk_sample_ins(&c, RK_I_FMUL, rk_sample_immf(&c, 0.9f), v, 0);
        uint16_t v2 = rk_sample_ins(&c, RK_I_FADD, mv, g, 0);
        rk_sample_store(&c, 0, v2);
        uint16_t step = rk_sample_ins(&c, RK_I_FMUL, rk_sample_immf(&c, 0.05f), v2, 0);
        rk_sample_store(&c, 1, rk_sample_ins(&c, RK_I_FSUB, w, step, 0));
        run(bed, &c, &r, k % 2 ? RK_SPECIAL : RK_PLAIN);
    }
}

/* Each input is broadcast where the other is not. */
static void broadcasts(rk_bed *bed)
{
    rk_dice r = {3};
    static const int64_t shape[][6] = {
        {3, 5, 2, 4, 3, 2}, {1, 7, 1, 11, 1, 13}, {37, 1, 1, 1, 1, 129}, {2, 3, 700, 1, 2, 1}};
    for (size_t s = 0; s < 4; s++)
        for (uint32_t rank = 0; rank <= 6; rank++)
            for (uint32_t mask = 0; mask < 1u << rank; mask += rank < 4 ? 1 : 3) {
                rk_sample c;
                rk_sample_begin(&c, RK_EWISE);
                uint16_t x = rk_sample_in(&c, RK_F32, rank, shape[s], mask);
                uint16_t y = rk_sample_in(&c, RK_F32, rank, shape[s], ~mask);
                rk_sample_out(&c, RK_F32, rank, shape[s]);
                rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FSUB, x, y, 0));
                run(bed, &c, &r, RK_PLAIN);
            }
}

/* Stores of inputs, immediates and the index; bytes out; reads after a store to output 0. */
static void stores(rk_bed *bed)
{
    rk_dice r = {4};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (rk_too_large(bed, counts[k])) continue;
        const int64_t *n = &counts[k];
        rk_sample c;
        rk_sample_begin(&c, RK_EWISE);
        uint16_t a = rk_sample_in(&c, RK_U32, 1, n, 0), b = rk_sample_in(&c, RK_U8, 1, n, 0);
        uint16_t one = rk_sample_in(&c, RK_U32, 1, n, 1);
        for (int j = 0; j < 7; j++) rk_sample_out(&c, j == 2 || j == 3 ? RK_U8 : RK_U32, 1, n);
        uint16_t sum = rk_sample_ins(&c, RK_I_IADD, a, b, 0);
        rk_sample_store(&c, 0, sum);
        rk_sample_store(&c, 2, sum);
        rk_sample_store(&c, 1, a);
        rk_sample_store(&c, 3, b);
        rk_sample_store(&c, 4, rk_sample_imm(&c, 0xDEADBEEFu));
        rk_sample_store(&c, 6, RK_R_INDEX);
        rk_sample_store(&c, 5, rk_sample_ins(&c, RK_I_IMUL, a, one, 0));
        run(bed, &c, &r, RK_PLAIN);
    }
}

/* (x op a) op b, or b op (a op x): a and b have one value for each row, b of all images. */
static void rows_of(rk_bed *bed, rk_dice *r, const int64_t *dim, uint16_t first, uint16_t then,
                    int side)
{
    rk_sample c;
    rk_sample_begin(&c, RK_EWISE);
    uint16_t x = rk_sample_in(&c, RK_F32, 3, dim, 0), a = rk_sample_in(&c, RK_F32, 3, dim, 4),
             b = rk_sample_in(&c, RK_F32, 3, dim, 5), half = rk_sample_immf(&c, 0.5f);
    rk_sample_out(&c, RK_F32, 3, dim);
    rk_sample_out(&c, RK_F32, 3, dim);
    uint16_t once = rk_sample_ins(&c, first, side ? a : x, side ? x : a, 0);
    uint16_t twice = rk_sample_ins(&c, then, side ? b : once, side ? once : b, 0);
    uint16_t again = rk_sample_ins(&c, then, side ? half : twice, side ? twice : half, 0);
    rk_sample_store(&c, 0, twice);
    rk_sample_store(&c, 1, rk_sample_ins(&c, first, again, a, 0));
    run(bed, &c, r, RK_PLAIN);
}

/* Values of a row of five axes, none of which can be seen as one with the next. */
static void rows_of_planes(rk_bed *bed, rk_dice *r)
{
    const int64_t dim[5] = {5, 3, 4, 3, 35};
    rk_sample c;
    rk_sample_begin(&c, RK_EWISE);
    uint16_t x = rk_sample_in(&c, RK_F32, 5, dim, 0), y = rk_sample_in(&c, RK_F32, 5, dim, 26);
    uint16_t z = rk_sample_in(&c, RK_U8, 5, dim, 21);
    rk_sample_out(&c, RK_F32, 5, dim);
    rk_sample_store(&c, 0,
                    rk_sample_ins(&c, RK_I_FMUL, rk_sample_ins(&c, RK_I_FSUB, x, y, 0),
                                  rk_sample_ins(&c, RK_I_U2F, z, 0, 0), 0));
    run(bed, &c, r, RK_PLAIN);
}

/* All pairs of three instructions, then some with their operands exchanged. */
static void rows(rk_bed *bed)
{
    static const uint16_t ops[] = {RK_I_FADD, RK_I_FSUB, RK_I_FMUL};
    static const int64_t shape[][3] = {{3, 4, 784},  {30, 7, 49}, {5, 9, 20},
                                       {3, 2, 1030}, {2, 70, 16}, {9, 5, 129}};
    rk_dice r = {8};
    for (int i = 0; i < 12; i += bed->quick ? 5 : 1)
        rows_of(bed, &r, shape[i % 6], ops[i % 3], ops[(i / 3 + i) % 3], i >= 9);
    rows_of_planes(bed, &r);
}

static void one_value_everywhere(rk_bed *bed)
{
    rk_dice r = {5};
    rk_sample c;
    int64_t n = 3001;
    rk_sample_begin(&c, RK_EWISE);
    rk_sample_out(&c, RK_U32, 1, &n);
    rk_sample_out(&c, RK_U32, 1, &n);
    uint16_t seven = rk_sample_imm(&c, 7);
    uint16_t sum = rk_sample_ins(&c, RK_I_IADD, seven, seven, 0);
    rk_sample_store(&c, 1, sum);
    rk_sample_store(&c, 0, sum);
    run(bed, &c, &r, RK_PLAIN);
}

/* A register of type float or word, for random programs in which words stay words: the bits of a
 * NaN are free, so they must not be seen through an integer instruction. */
typedef struct pool {
    uint16_t reg[2][RK_SAMPLE_CODE + 16];
    uint32_t n[2];
} pool;

static void pool_add(pool *p, int is_word, uint16_t reg) { p->reg[is_word][p->n[is_word]++] = reg; }

static uint16_t pool_pick(const pool *p, int is_word, rk_dice *r)
{
    return p->reg[is_word][rk_dice_below(r, p->n[is_word])];
}

static void random_instruction(rk_sample *c, pool *p, rk_dice *r)
{
    static const uint16_t float_ops[] = {RK_I_FADD, RK_I_FSUB, RK_I_FMUL,   RK_I_FDIV,
                                         RK_I_FMAX, RK_I_FNEG, RK_I_FRECIP, RK_I_FSQRT,
                                         RK_I_FEXP, RK_I_FLOG, RK_I_FSIN,   RK_I_FCOS};
    static const uint16_t word_ops[] = {RK_I_IADD, RK_I_ISUB, RK_I_IMUL, RK_I_IMULHI, RK_I_ILT,
                                        RK_I_IEQ,  RK_I_IAND, RK_I_ISHR, RK_I_IMAX};
    uint32_t pick = rk_dice_below(r, 30);
    if (pick < 12) {
        bool one = pick >= 5;
        uint16_t a = pool_pick(p, 0, r), b = one ? 0 : pool_pick(p, 0, r);
        pool_add(p, 0, rk_sample_ins(c, float_ops[pick], a, b, 0));
    } else if (pick < 21) {
        uint16_t a = pool_pick(p, 1, r), b = pool_pick(p, 1, r);
        pool_add(p, 1, rk_sample_ins(c, word_ops[pick - 12], a, b, 0));
    } else if (pick < 23) {
        uint16_t a = pool_pick(p, 0, r), b = pool_pick(p, 0, r);
        pool_add(p, 1, rk_sample_ins(c, pick == 21 ? RK_I_FLT : RK_I_FEQ, a, b, 0));
    } else if (pick < 25) {
        pool_add(p, 0, rk_sample_ins(c, RK_I_U2F, pool_pick(p, 1, r), 0, 0));
    } else if (pick < 27) {
        pool_add(p, 1, rk_sample_ins(c, RK_I_F2U, pool_pick(p, 0, r), 0, 0));
    } else {
        int is_word = pick == 29;
        uint16_t a = pool_pick(p, 1, r), b = pool_pick(p, is_word, r);
        pool_add(p, is_word, rk_sample_ins(c, RK_I_SELECT, a, b, pool_pick(p, is_word, r)));
    }
}

static void random_program(rk_bed *bed, rk_dice *r)
{
    rk_sample c;
    pool p = {.n = {0, 0}};
    int64_t dim[6];
    uint32_t rank = rk_dice_below(r, 7), n_in = 2 + rk_dice_below(r, 5),
             n_out = 1 + rk_dice_below(r, 3);
    uint32_t length = 1 + rk_dice_below(r, 40);
    for (uint32_t d = 0; d < rank; d++) dim[d] = 1 + rk_dice_below(r, rank > 3 ? 6 : 40);
    rk_sample_begin(&c, RK_EWISE);
    for (uint32_t j = 0; j < n_in; j++) {
        uint32_t dtype = j == 0 ? RK_F32 : j == 1 ? RK_U32 : rk_dice_word(r) & 1u ? RK_F32 : RK_U8;
        uint32_t mask = rk_dice_below(r, 2) ? 0 : rk_dice_word(r) & 63u;
        pool_add(&p, dtype != RK_F32, rk_sample_in(&c, dtype, rank, dim, mask));
    }
    pool_add(&p, 0, rk_sample_immf(&c, rk_dice_float(r)));
    pool_add(&p, 1, rk_sample_imm(&c, rk_dice_word(r)));
    pool_add(&p, 1, RK_R_INDEX);
    for (uint32_t k = 0; k < length; k++) random_instruction(&c, &p, r);
    for (uint32_t j = 0; j < n_out; j++) {
        int is_word = (int)rk_dice_below(r, 2);
        rk_sample_out(&c, !is_word ? RK_F32 : rk_dice_below(r, 2) ? RK_U32 : RK_U8, rank, dim);
        rk_sample_store(&c, (uint16_t)j, pool_pick(&p, is_word, r));
    }
    run(bed, &c, r, (int)rk_dice_below(r, 2));
}

static void random_programs(rk_bed *bed)
{
    rk_dice r = {6};
    for (int i = 0; i < (bed->quick ? 12 : 100); i++) random_program(bed, &r);
}

static const rk_case cases[] = {
    {"instructions", "each instruction by itself, on plain and special values", instructions,
     RK_CASE_NEEDED},
    {"sizes", "x + y: 0, 1, primes, more than 65536 and than a cache", sizes, RK_CASE_NEEDED},
    {"broadcasts", "x - y of every rank, each broadcast along other dimensions", broadcasts,
     RK_CASE_NEEDED},
    {"momentum", "a program of two outputs", momentum, 0},
    {"rows", "inputs of one value for each row, of rows of 16 to 1030", rows, 0},
    {"stores", "seven outputs of words and bytes; inputs, constants and the index stored", stores,
     0},
    {"constants", "a program without inputs", one_value_everywhere, 0},
    {"random-programs", "up to 40 random instructions of any type", random_programs, 0}};
const rk_case_group rk_cases_ewise = {"ewise", cases, sizeof cases / sizeof *cases};
