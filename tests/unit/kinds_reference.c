#include "kinds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rethink/numerics.h>

uint32_t random_word(random_state *r)
{
    r->s = r->s * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = r->s ^ (r->s >> 33);
    return (uint32_t)(x >> 16);
}

uint32_t random_below(random_state *r, uint32_t n)
{
    return (uint32_t)(((uint64_t)random_word(r) * n) >> 32);
}

float random_float(random_state *r)
{
    float x = (float)((random_word(r) >> 8) + 1u) * 5.9604644775390625e-8f;
    return random_word(r) & 1u ? x : -x;
}

uint32_t random_special(random_state *r)
{
    static const uint32_t words[] = {0u,          0x80000000u, 0x7F800000u, 0xFF800000u,
                                     0x7FC00000u, 0x00000001u, 0x807FFFFFu, 0x3F800000u,
                                     0x7F7FFFFFu, 0xFFC12345u};
    uint32_t pick = random_below(r, 24);
    return pick < 10 ? words[pick] : pick < 16 ? random_word(r) : rk_bits(random_float(r));
}

static void *fill(const rk_tensor *t, random_state *r, int special)
{
    int64_t n = tensor_extent(t);
    size_t bytes = dtype_bytes(t->dtype);
    unsigned char *p = malloc((size_t)n * bytes + 1);
    assert_non_null(p);
    for (int64_t i = 0; i < n; i++) {
        uint32_t w = random_word(r);
        if (t->dtype == RK_F32) w = special ? random_special(r) : rk_bits(random_float(r));
        memcpy(p + (size_t)i * bytes, &w, bytes);
    }
    return p;
}

void data_make(const harness_case *c, case_data *d, random_state *r, int special)
{
    memset(d, 0, sizeof *d);
    for (uint32_t j = 0; j < c->op.n_in; j++) d->in[j] = fill(&c->in[j], r, special);
    for (uint32_t j = 0; j < c->op.n_out; j++) {
        size_t bytes = (size_t)tensor_extent(&c->out[j]) * dtype_bytes(c->out[j].dtype);
        d->out[j] = fill(&c->out[j], r, special);
        d->want[j] = malloc(bytes + 1);
        assert_non_null(d->want[j]);
        memcpy(d->want[j], d->out[j], bytes);
    }
}

void data_free(const harness_case *c, case_data *d)
{
    for (uint32_t j = 0; j < c->op.n_in; j++) free(d->in[j]);
    for (uint32_t j = 0; j < c->op.n_out; j++) {
        free(d->out[j]);
        free(d->want[j]);
    }
}

static uint32_t load_word(const void *base, uint32_t dtype, int64_t at)
{
    uint32_t w = 0;
    memcpy(&w, (const unsigned char *)base + (size_t)at * dtype_bytes(dtype), dtype_bytes(dtype));
    return w;
}

/* Element e of the index space dim[] read through the strides of t. */
static uint32_t load_broadcast(const rk_tensor *t, const void *base, int64_t e, const int64_t *dim,
                               bool at_zero)
{
    int64_t at = 0;
    for (uint32_t d = t->rank; d-- > 0;) {
        int64_t index = e % dim[d];
        e /= dim[d];
        if (at_zero && d == 1) index = 0;
        at += index * t->stride[d];
    }
    return load_word(base, t->dtype, at);
}

#define CASE_1(name) return rk_op_##name(a);
#define CASE_2(name) return rk_op_##name(a, b);
#define CASE_3(name) return rk_op_##name(a, b, c);
static uint32_t apply(uint16_t op, uint32_t a, uint32_t b, uint32_t c)
{
    switch (op) {
#define X(name, n)                                                                                 \
    case RK_I_##name: CASE_##n(name)
        RK_INSTRUCTIONS(X)
#undef X
    default: fail_msg("unknown instruction %d", (int)op);
    }
    return 0;
}

/* Where operands of instructions come from, at one element. */
typedef struct place {
    const harness_case *c;
    const case_data *d;
    const int64_t *dim;
    int64_t e; /* of the index space dim[] */
    bool at_zero;
    const uint32_t *raw;
    uint32_t first;
    const uint32_t *const *fold;
    uint32_t value[HARNESS_CODE];
} place;

static uint32_t operand(const place *p, uint16_t o)
{
    uint32_t j = o & RK_R_NUM;
    switch (o & RK_R_KIND) {
    case RK_R_INS: return p->value[j];
    case RK_R_IMM: return p->c->imm[j];
    case RK_R_INDEX: return (uint32_t)p->e;
    case RK_R_FOLD: return p->fold[j][p->e];
    default: break;
    }
    if (p->raw && j == 0) return p->raw[p->e];
    uint32_t in = p->raw ? p->first + j - 1 : j;
    if (in >= p->c->op.n_in) return 0; /* an operand that the op does not use */
    return load_broadcast(&p->c->in[in], p->d->in[in], p->e, p->dim, p->at_zero);
}

static uint32_t after_folds(const harness_case *c)
{
    uint32_t first = 0;
    for (uint32_t k = 0; k < c->op.n_code; k++)
        if (c->code[k].op == RK_I_FOLD) first = k + 1;
    return first;
}

static void step(place *p, uint32_t k)
{
    const rk_ins *i = &p->c->code[k];
    p->value[k] = apply(i->op, operand(p, i->a), operand(p, i->b), operand(p, i->c));
}

void reference_program(const harness_case *c, case_data *d, const uint32_t *raw, uint32_t first,
                       const uint32_t *const *fold)
{
    place p = {.c = c, .d = d, .dim = c->out[0].dim, .raw = raw, .first = first, .fold = fold};
    int64_t n = tensor_count(&c->out[0]);
    p.at_zero = fold != NULL;
    for (p.e = 0; p.e < n; p.e++)
        for (uint32_t k = after_folds(c); k < c->op.n_code; k++) {
            const rk_ins *i = &c->code[k];
            if (i->op != RK_I_STORE) {
                step(&p, k);
                continue;
            }
            size_t bytes = dtype_bytes(c->out[i->b].dtype);
            uint32_t w = operand(&p, i->a);
            memcpy((unsigned char *)d->want[i->b] + (size_t)p.e * bytes, &w, bytes);
        }
}

void reference_fold_inputs(const harness_case *c, const case_data *d, int64_t e, const int64_t *dim,
                           uint32_t *folded)
{
    place p = {.c = c, .d = d, .dim = dim, .e = e};
    uint32_t end = after_folds(c);
    for (uint32_t k = 0; k < end; k++)
        if (c->code[k].op == RK_I_FOLD)
            folded[c->code[k].b] = operand(&p, c->code[k].a);
        else
            step(&p, k);
}

float reference_sum(const float *x, int64_t n, int64_t stride)
{
    if (n <= RK_SUM_BLOCK) {
        float lane[RK_SUM_LANES] = {0};
        for (int64_t i = 0; i < n; i++) lane[i % RK_SUM_LANES] += x[i * stride];
        for (int w = RK_SUM_LANES / 2; w >= 1; w /= 2)
            for (int l = 0; l < w; l++) lane[l] += lane[l + w];
        return lane[0];
    }
    int64_t blocks = (n + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK;
    float *sums = malloc((size_t)blocks * sizeof *sums), total;
    assert_non_null(sums);
    for (int64_t b = 0; b < blocks; b++) {
        int64_t from = b * RK_SUM_BLOCK, left = n - from;
        sums[b] =
            reference_sum(x + from * stride, left < RK_SUM_BLOCK ? left : RK_SUM_BLOCK, stride);
    }
    total = reference_sum(sums, blocks, 1);
    free(sums);
    return total;
}

void want_raw(const harness_case *c, case_data *d, const uint32_t *raw, uint32_t first)
{
    if (c->op.n_code)
        reference_program(c, d, raw, first, NULL);
    else
        memcpy(d->want[0], raw, (size_t)tensor_count(&c->out[0]) * 4);
}

static bool is_nan(uint32_t w) { return (w & 0x7FFFFFFFu) > RK_INF_BITS; }

static void compare(const harness_case *c, const case_data *d, uint32_t j, int alias)
{
    const rk_tensor *t = &c->out[j];
    int64_t n = tensor_count(t);
    for (int64_t e = 0; e < n; e++) {
        uint32_t got = load_word(d->out[j], t->dtype, e), want = load_word(d->want[j], t->dtype, e);
        if (got == want || (t->dtype == RK_F32 && is_nan(got) && is_nan(want))) continue;
        fail_msg("output %u element %lld of %lld: got %08x (%g), want %08x (%g)%s", j, (long long)e,
                 (long long)n, got, (double)rk_float(got), want, (double)rk_float(want),
                 alias < 0 ? "" : ", in place");
    }
}

static bool may_be_missing(const harness *h, const char *kind)
{
    size_t n = strlen(kind);
    for (const char *s = h->without; s && *s; s += strcspn(s, ","), s += *s == ',')
        if (strncmp(s, kind, n) == 0 && (s[n] == ',' || s[n] == 0)) return true;
    return false;
}

static void run_and_compare(harness *h, const harness_case *c, case_data *d, int alias,
                            rk_kinfo *info, const char *kind)
{
    rk_error e = {.size = sizeof e};
    rk_status s = harness_run_info(h, c, (const void *const *)d->in, d->out, alias, info, &e);
    if (s == RK_E_UNSUPPORTED && may_be_missing(h, kind)) skip();
    if (s != RK_OK) fail_msg("status %d: %s: %s", (int)s, e.where, e.text);
    assert_true(info->tier == RK_TIER_EXACT);
    for (uint32_t j = 0; j < c->op.n_out; j++) compare(c, d, j, alias);
}

static size_t out_bytes(const harness_case *c, uint32_t j)
{
    return (size_t)tensor_extent(&c->out[j]) * dtype_bytes(c->out[j].dtype);
}

/* Whether in[j] may be out[i]'s memory, if alias_ok names it: see rk_kinfo. */
static bool fits_in_place(const harness_case *c, uint32_t j, uint32_t i)
{
    bool stored = false;
    if (i == 0) return true;
    if (tensor_extent(&c->in[j]) * (int64_t)dtype_bytes(c->in[j].dtype) != (int64_t)out_bytes(c, i))
        return false;
    for (uint32_t k = 0; k < c->op.n_code; k++) {
        bool store = c->code[k].op == RK_I_STORE;
        if ((stored && !store) || (store && c->code[k].a == RK_R_IN + j)) return false;
        stored = stored || store;
    }
    return true;
}

void expect_want(harness *h, const harness_case *c, case_data *d, const char *kind)
{
    rk_kinfo info;
    void *saved[HARNESS_TENSORS];
    for (uint32_t j = 0; j < c->op.n_out; j++) {
        saved[j] = malloc(out_bytes(c, j) + 1);
        assert_non_null(saved[j]);
        memcpy(saved[j], d->out[j], out_bytes(c, j));
    }
    run_and_compare(h, c, d, -1, &info, kind);
    for (uint32_t i = 0; i < c->op.n_out; i++)
        for (uint32_t j = 0; j < c->op.n_in; j++) {
            if (!(info.alias_ok >> j & 1u) || !fits_in_place(c, j, i)) continue;
            for (uint32_t o = 0; o < c->op.n_out; o++) memcpy(d->out[o], saved[o], out_bytes(c, o));
            run_and_compare(h, c, d, (int)(j + HARNESS_ALIAS * i), &info, kind);
        }
    for (uint32_t j = 0; j < c->op.n_out; j++) free(saved[j]);
}

bool too_large(const harness *h, int64_t work) { return h->small && work > 20000; }
