/* Which kinds of operations a device computes, and whether rightly: one small op of each, by the
 * judge of the conformance suite: both tiers, twice, in place where that is allowed, with guard
 * zones around.  rethink check tries far more shapes, in processes of their own; this is in the
 * process of the bench, which a kernel that crashes ends. */
#include <stdio.h>
#include <string.h>
#include "bench/errors.h"
#include "bench/oplist.h"

/* Adds the operation's last part: a program that needs the result, if `program`. */
typedef void make_fn(rk_sample *t, int64_t which, bool program);

static void make_ewise(rk_sample *t, int64_t which, bool program)
{
    const int64_t dim[2] = {37, 29};
    (void)which;
    uint16_t x = rk_sample_in(t, RK_F32, 2, dim, 0), y = rk_sample_in(t, RK_F32, 2, dim, 1);
    rk_sample_out(t, RK_F32, 2, dim);
    uint16_t sum = rk_sample_ins(t, RK_I_FADD, x, y, 0);
    if (program) {
        rk_sample_out(t, RK_F32, 2, dim);
        rk_sample_store(t, 1, rk_sample_ins(t, RK_I_FEXP, sum, 0, 0));
        sum = rk_sample_ins(t, RK_I_FMAX, sum, rk_sample_immf(t, 0.0f), 0);
    }
    rk_sample_store(t, 0, sum);
}

static void make_copy(rk_sample *t, int64_t which, bool program)
{
    const int64_t n = 17 * 23, box[7] = {2, 17, 1, 23, 23, 17, 1}; /* a transpose */
    (void)which, (void)program;
    rk_sample_in(t, RK_F32, 1, &n, 0);
    rk_sample_out(t, RK_F32, 1, &n);
    memcpy(t->op.p, box, sizeof box);
}

static void make_reduce(rk_sample *t, int64_t which, bool program)
{
    const int64_t dim[3] = {5, 1100, 3}, out[3] = {5, 1, 3}, p[4] = {which, 5, 1100, 3};
    uint16_t x = rk_sample_in(t, RK_F32, 3, dim, 0);
    rk_sample_out(t, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, out);
    memcpy(t->op.p, p, sizeof p);
    if (!program) return;
    rk_sample_ins(t, RK_I_FOLD, rk_sample_ins(t, RK_I_FMUL, x, x, 0), 0, 0);
    rk_sample_store(t, 0,
                    rk_sample_ins(t, RK_I_FMUL, RK_R_FOLD, rk_sample_immf(t, 1 / 1100.0f), 0));
}

/* relu(result + bias), the bias along dimension `axis` of dim. */
static void add_epilogue(rk_sample *t, const int64_t *dim, uint32_t rank, uint32_t axis)
{
    rk_sample_in(t, RK_F32, rank, dim, ~(1u << axis) & ((1u << rank) - 1));
    uint16_t sum = rk_sample_ins(t, RK_I_FADD, RK_R_IN, RK_R_IN + 1, 0);
    rk_sample_store(t, 0, rk_sample_ins(t, RK_I_FMAX, sum, rk_sample_immf(t, 0.0f), 0));
}

static void make_matmul(rk_sample *t, int64_t which, bool program)
{
    const int64_t a = 33 * 65, b = 65 * 47, out[3] = {1, 33, 47},
                  p[8] = {1, 33, 47, 65, 0, 1, a, b};
    (void)which;
    rk_sample_in(t, RK_F32, 1, &a, 0);
    rk_sample_in(t, RK_F32, 1, &b, 0);
    rk_sample_out(t, RK_F32, 3, out);
    memcpy(t->op.p, p, sizeof p);
    if (program) add_epilogue(t, out, 3, 2);
}

static void make_conv(rk_sample *t, int64_t which, bool program)
{
    const int64_t p[14] = {which, 2, 3, 10, 9, 5, 3, 3, 1, 1, 1, 1, 10, 9};
    const int64_t x[4] = {2, 3, 10, 9}, w[4] = {5, 3, 3, 3}, y[4] = {2, 5, 10, 9};
    const int64_t *out = which == RK_CONV_Y ? y : which == RK_CONV_DX ? x : w;
    rk_sample_in(t, RK_F32, 4, which == RK_CONV_DX ? y : x, 0);
    rk_sample_in(t, RK_F32, 4, which == RK_CONV_DW ? y : w, 0);
    rk_sample_out(t, RK_F32, 4, out);
    memcpy(t->op.p, p, sizeof p);
    if (program) add_epilogue(t, out, 4, which == RK_CONV_DW ? 0 : 1);
}

static void make_window(rk_sample *t, int64_t which, bool program)
{
    const int64_t p[12] = {which, 6, 12, 10, 3, 3, 2, 2, 1, 1, 6, 5}, x[3] = {6, 12, 10};
    const int64_t y[3] = {6, 6, 5};
    bool adjoint = which == RK_WINDOW_SUM_T || which == RK_WINDOW_PUT;
    rk_sample_in(t, RK_F32, 3, adjoint ? y : x, 0);
    if (which >= RK_WINDOW_TAKE) rk_sample_in(t, RK_U32, 3, y, 0);
    rk_sample_out(t, which == RK_WINDOW_ARGMAX ? RK_U32 : RK_F32, 3, adjoint ? x : y);
    memcpy(t->op.p, p, sizeof p);
    if (program) add_epilogue(t, adjoint ? x : y, 3, 0);
}

static void make_rows(rk_sample *t, int64_t which, bool program)
{
    const int64_t rows[2] = {40, 19}, picked[2] = {23, 19}, p[3] = {40, 19, 23};
    bool put = t->op.kind == RK_PUT;
    (void)which, (void)program;
    rk_sample_in(t, RK_F32, 2, put ? picked : rows, 0);
    rk_sample_in(t, RK_U32, 1, picked, 0);
    rk_sample_out(t, RK_F32, 2, put ? rows : picked);
    memcpy(t->op.p, p, sizeof p);
}

static void make_rng(rk_sample *t, int64_t which, bool program)
{
    const int64_t seed = 3, n = 1021;
    (void)which, (void)program;
    rk_sample_in(t, RK_U32, 1, &seed, 0);
    rk_sample_out(t, RK_U32, 1, &n);
    t->op.p[0] = 7;
}

static const struct {
    uint32_t kind;
    int64_t which;
    make_fn *make;
    bool program; /* one may follow */
} kinds[] = {{RK_MATMUL, 0, make_matmul, true},
             {RK_EWISE, 0, make_ewise, true},
             {RK_CONV, RK_CONV_Y, make_conv, true},
             {RK_CONV, RK_CONV_DX, make_conv, true},
             {RK_CONV, RK_CONV_DW, make_conv, true},
             {RK_REDUCE, RK_REDUCE_SUM, make_reduce, true},
             {RK_WINDOW, RK_WINDOW_ARGMAX, make_window, false},
             {RK_WINDOW, RK_WINDOW_TAKE, make_window, false},
             {RK_WINDOW, RK_WINDOW_PUT, make_window, false},
             {RK_COPY, 0, make_copy, false},
             {RK_TAKE, 0, make_rows, false},
             {RK_RNG, 0, make_rng, false},
             {RK_REDUCE, RK_REDUCE_MAX, make_reduce, false},
             {RK_REDUCE, RK_REDUCE_ARGMAX, make_reduce, false},
             {RK_WINDOW, RK_WINDOW_SUM, make_window, true},
             {RK_WINDOW, RK_WINDOW_SUM_T, make_window, true},
             {RK_PUT, 0, make_rows, false}}; /* what training needs most is first */
enum { KINDS = sizeof kinds / sizeof *kinds, OK = 0, FALLBACK, UNSUPPORTED, WRONG, SCARCE };

/* What one op shows; its reason in why. */
static int try_op(const rk_bench_case *c, rk_open *d, const rk_sample *t, char *why, size_t cap)
{
    rk_bed bed;
    rk_operands operands;
    rk_dice r = {1};
    rk_bed_of(d, &bed);
    /* A fast tier may take long to try itself out. */
    bed.exact_only = !c->options->fast || c->options->size == RK_BENCH_QUICK;
    if (rk_operands_make(&bed, t, &operands, &r, RK_PLAIN)) {
        for (uint32_t j = 0; j < t->op.n_in; j++) rk_fill_places(t, j, operands.in[j]);
        rk_refer(&bed, t, &operands);
        rk_expect(&bed, t, &operands);
    }
    rk_operands_free(&operands);
    const rk_outcome *o = &bed.outcome;
    rk_bed_return(&bed, d, o->text);
    bool computed = o->exact + o->fast > 0;
    snprintf(why, cap, "%s%s",
             o->failed  ? o->text
             : computed ? o->impl
                        : o->reason,
             computed && !o->failed && !o->exact ? ", of the fast tier only" : "");
    if (o->scarce) return SCARCE; /* no verdict: another time it may run */
    return o->failed ? WRONG : !computed ? UNSUPPORTED : o->exact ? OK : FALLBACK;
}

/* Without a program and with one; where time is short with one, and if that is refused without. */
static int try_both(const rk_bench_case *c, rk_open *d, uint32_t i, char *why, size_t cap)
{
    bool quick = c->options->size == RK_BENCH_QUICK && kinds[i].program;
    char after[900];
    rk_sample plain, with;
    rk_sample_begin(&plain, kinds[i].kind);
    kinds[i].make(&plain, kinds[i].which, false);
    int verdict = quick ? OK : try_op(c, d, &plain, why, cap);
    if (!kinds[i].program || verdict > FALLBACK) return verdict;
    rk_sample_begin(&with, kinds[i].kind);
    kinds[i].make(&with, kinds[i].which, true);
    int more = try_op(c, d, &with, after, sizeof after);
    if (quick && more == UNSUPPORTED) verdict = try_op(c, d, &plain, why, cap);
    if (verdict > FALLBACK) return verdict;
    if (more != OK)
        snprintf(why, cap, "with a program: %s", after);
    else if (quick)
        snprintf(why, cap, "%s", after);
    return more == OK ? verdict : more == UNSUPPORTED ? FALLBACK : more;
}

static rk_status try_kind(const rk_bench_case *c, rk_open *d, uint32_t i, bool late, rk_error *e)
{
    char why[1000], scarce[1020];
    rk_sample t;
    rk_sample_begin(&t, kinds[i].kind);
    kinds[i].make(&t, kinds[i].which, false);
    const rk_bench_of of = {.c = c, .suite = "support", .subject = rk_op_sort(&t)};
    RK_TRY(rk_bench_progress(c, of.subject, (double)i / KINDS, e));
    if (late) return rk_bench_give_none(&of, "support", "", "not tried: the time was over", e);
    int verdict = try_both(c, d, i, why, sizeof why);
    RK_TRY(rk_open_sync(d, e)); /* a lost device ends the suite */
    if (verdict != SCARCE) return rk_bench_give_one(&of, "support", "", verdict, why, e);
    snprintf(scarce, sizeof scarce, "not measured: %s", why);
    return rk_bench_give_none(&of, "support", "", scarce, e);
}

rk_status rk_bench_support(const rk_bench_case *c, rk_error *e)
{
    uint32_t device;
    rk_open d;
    rk_status s = RK_OK;
    double until = rk_bench_now() + c->options->seconds;
    if (c->options->process > 1) return RK_OK; /* it is the same in every one */
    RK_TRY(rk_hub_find(c->hub, c->spec, &device, e));
    RK_TRY(rk_open_device(c->hub, device, &d, e));
    for (uint32_t i = 0; s == RK_OK && i < KINDS; i++)
        s = try_kind(c, &d, i, i > 0 && rk_bench_now() > until, e);
    rk_open_close(&d);
    return s;
}
