/* COPY: a strided box of one tensor into another. */
#include <stdio.h>
#include <string.h>
#include "check.h"
#include "vec.h"

/* The box with dimensions ordered by the output's stride, neighbours merged.  cross: the dimension
 * along which the input is contiguous if the output is so along another one, else -1.  Dimension
 * split (cross, or the last) is cut into pieces; a piece of one combination of the others is a
 * unit of work. */
typedef struct plan {
    int rank, cross, split;
    int64_t extent[6], in[6], out[6], in_at, out_at, piece, pieces, units;
    size_t element;
    int stream; /* past the caches */
} plan;

enum { TILE = 64 };

#ifdef CPU_PLAIN
/* The plain loop: one dimension after the other. */
static void copy_plain(const plan *p, int d, const unsigned char *in, unsigned char *out)
{
    if (d == p->rank || d == 6) {
        memcpy(out, in, p->element);
        return;
    }
    for (int64_t i = 0; i < p->extent[d]; i++)
        copy_plain(p, d + 1, in + i * p->in[d] * (int64_t)p->element,
                   out + i * p->out[d] * (int64_t)p->element);
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    const plan *p = k->plan;
    if (p->units)
        copy_plain(p, 0, arg[0] + p->in_at * (int64_t)p->element,
                   arg[1] + p->out_at * (int64_t)p->element);
}

#else
typedef struct job {
    const plan *p;
    const unsigned char *in;
    unsigned char *out;
} job;

static void line_words(uint32_t *to, int64_t to_step, const uint32_t *from, int64_t step, int64_t n)
{
    if (to_step == 1 && step == 1) {
        memcpy(to, from, (size_t)n * sizeof *to);
    } else if (to_step == 1 && step == 0) {
        for (int64_t i = 0; i < n; i++) to[i] = *from;
    } else {
        for (int64_t i = 0; i < n; i++) to[i * to_step] = from[i * step];
    }
}

static void line_bytes(unsigned char *to, int64_t to_step, const unsigned char *from, int64_t step,
                       int64_t n)
{
    if (to_step == 1 && step == 1)
        memcpy(to, from, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++) to[i * to_step] = from[i * step];
}

static void line(const plan *p, const unsigned char *in, unsigned char *out, int64_t n)
{
    int last = p->rank - 1;
    if (p->element == 1)
        line_bytes(out, p->out[last], in, p->in[last], n);
    else
        line_words((uint32_t *)(void *)out, p->out[last], (const uint32_t *)(const void *)in,
                   p->in[last], n);
}

#ifdef CPU_VEC
/* Columns of the input, next apart, as rows of the output, to_next apart: as many of either as a
 * vector has lanes, or fewer. */
static void turn(const float *from, int64_t next, float *to, int64_t to_next, int stream)
{
    vec v[CPU_VEC];
    CPU_UNROLL for (int c = 0; c < CPU_VEC; c++) v[c] = v_load(from + c * next);
    v_transpose(v);
    if (stream) {
        CPU_UNROLL for (int r = 0; r < CPU_VEC; r++) v_stream(to + r * to_next, v[r]);
    } else {
        CPU_UNROLL for (int r = 0; r < CPU_VEC; r++) v_store(to + r * to_next, v[r]);
    }
}

static void turn_part(const float *from, int64_t next, float *to, int64_t to_next, int64_t rows,
                      int64_t columns)
{
    vec v[CPU_VEC];
    vec_mask some = v_part((int)rows), mask = v_part((int)columns);
    for (int c = 0; c < CPU_VEC; c++)
        v[c] = c < columns ? v_load_part(from + c * next, some) : v_zero();
    v_transpose(v);
    for (int r = 0; r < rows; r++) v_store_part(to + r * to_next, v[r], mask);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A square of words; columns may be left after it, and those of the next square are asked for. */
static void turn_square(const plan *p, const float *from, float *to, int64_t rows, int64_t left)
{
    int64_t columns = least(left, TILE), ahead = least(left - columns, TILE);
    int64_t next = p->in[p->rank - 1], to_next = p->out[p->cross];
    int stream = p->stream && (uintptr_t)to % sizeof(vec) == 0 && to_next % CPU_VEC == 0;
    for (int64_t r = 0; r < rows; r += CPU_VEC)
        for (int64_t c = 0; c < columns; c += CPU_VEC) {
            const float *x = from + r + c * next;
            for (int64_t i = c; i < least(c + CPU_VEC, ahead); i++)
                __builtin_prefetch(from + r + (TILE + i) * next, 0, 2);
            if (rows - r < CPU_VEC || columns - c < CPU_VEC)
                turn_part(x, next, to + r * to_next + c, to_next, least(rows - r, CPU_VEC),
                          least(columns - c, CPU_VEC));
            else
                turn(x, next, to + r * to_next + c, to_next, stream);
        }
}
#endif

/* Of the columns that are left, the first ones. */
static void square(const plan *p, const unsigned char *in, unsigned char *out, int64_t rows,
                   int64_t left)
{
    int last = p->rank - 1;
    int64_t size = (int64_t)p->element;
#ifdef CPU_VEC
    if (size == 4 && p->in[p->cross] == 1 && p->out[last] == 1) {
        turn_square(p, (const float *)(const void *)in, (float *)(void *)out, rows, left);
        return;
    }
#endif
    for (int64_t r = 0; r < rows; r++)
        line(p, in + size * r * p->in[p->cross], out + size * r * p->out[p->cross],
             left < TILE ? left : TILE);
}

/* Two dimensions, the input contiguous along rows and the output along columns: in squares that
 * stay in the cache. */
static void squares(const plan *p, const unsigned char *in, unsigned char *out, int64_t rows)
{
    int last = p->rank - 1;
    int64_t size = (int64_t)p->element;
    for (int64_t r = 0; r < rows; r += TILE)
        for (int64_t c = 0; c < p->extent[last]; c += TILE) {
            int64_t most = rows - r < TILE ? rows - r : TILE;
            square(p, in + size * (r * p->in[p->cross] + c * p->in[last]),
                   out + size * (r * p->out[p->cross] + c * p->out[last]), most,
                   p->extent[last] - c);
        }
}

static void unit(const job *j, int64_t u)
{
    const plan *p = j->p;
    int64_t first = u % p->pieces * p->piece, left = p->extent[p->split] - first;
    int64_t from = p->in_at + first * p->in[p->split], to = p->out_at + first * p->out[p->split];
    u /= p->pieces;
    for (int d = p->rank - 2; d >= 0; d--) {
        if (d == p->cross) continue;
        from += u % p->extent[d] * p->in[d];
        to += u % p->extent[d] * p->out[d];
        u /= p->extent[d];
    }
    const unsigned char *in = j->in + from * (int64_t)p->element;
    unsigned char *out = j->out + to * (int64_t)p->element;
    if (p->cross >= 0)
        squares(p, in, out, left < p->piece ? left : p->piece);
    else
        line(p, in, out, left < p->piece ? left : p->piece);
}

static void share(void *context, int t, int threads)
{
    const job *j = context;
    int64_t from, end;
    cpu_share(j->p->units, 1, t, threads, &from, &end);
    for (int64_t u = from; u < end; u++) unit(j, u);
#ifdef CPU_VEC
    if (j->p->stream) v_stream_end();
#endif
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    job j = {k->plan, arg[0], arg[1]};
    if (j.p->units) cpu_parallel(k->device, k->threads, share, &j);
}
#endif

static int64_t absolute(int64_t x) { return x < 0 ? -x : x; }

/* Dimensions of extent above 1, the output's largest stride first. */
static void sort_dimensions(plan *p, const rk_op *op)
{
    for (int64_t d = 0; d < op->p[0]; d++) {
        int64_t n = op->p[1 + 3 * d], in = op->p[2 + 3 * d], out = op->p[3 + 3 * d];
        int at = p->rank;
        if (n == 1) continue;
        for (; at > 0 && absolute(p->out[at - 1]) < absolute(out); at--) {
            p->extent[at] = p->extent[at - 1];
            p->in[at] = p->in[at - 1];
            p->out[at] = p->out[at - 1];
        }
        p->extent[at] = n;
        p->in[at] = in;
        p->out[at] = out;
        p->rank++;
    }
}

static void merge_dimensions(plan *p)
{
    int n = 0;
    for (int d = 1; d < p->rank; d++) {
        if (p->in[n] == p->in[d] * p->extent[d] && p->out[n] == p->out[d] * p->extent[d]) {
            p->extent[n] *= p->extent[d];
        } else {
            n++;
            p->extent[n] = p->extent[d];
        }
        p->in[n] = p->in[d];
        p->out[n] = p->out[d];
    }
    p->rank = p->rank ? n + 1 : 0;
}

/* The offsets that a side of the box reaches must lie in the tensor. */
static rk_status check_side(const plan *p, const int64_t *stride, int64_t at, int64_t count,
                            const char *side, rk_error *e)
{
    int64_t low = at, high = at;
    int bad = at < 0 || at >= count;
    for (int d = 0; d < p->rank && !bad; d++) {
        int64_t steps = p->extent[d] - 1;
        bad = absolute(stride[d]) > count / steps;
        if (bad) break;
        if (stride[d] < 0)
            low += stride[d] * steps;
        else
            high += stride[d] * steps;
        bad = low < 0 || high >= count;
    }
    if (bad)
        return cpu_fail(e, RK_E_INVALID, "prepare", "the box leaves the %s of %lld elements", side,
                        (long long)count);
    return RK_OK;
}

/* Sorted by stride, each step must pass all that is inside it, or elements might be written
 * twice. */
static rk_status check_apart(const plan *p, rk_error *e)
{
    int64_t inside = 0;
    for (int d = p->rank - 1; d >= 0; d--) {
        if (absolute(p->out[d]) <= inside)
            return cpu_fail(e, RK_E_UNSUPPORTED, "prepare",
                            "elements of the box may overlap in out");
        inside += absolute(p->out[d]) * (p->extent[d] - 1);
    }
    return RK_OK;
}

static rk_status check_box(const rk_op *op, rk_error *e)
{
    if (op->in[0].dtype != op->out[0].dtype)
        return cpu_fail(e, RK_E_INVALID, "prepare", "the dtypes of in and out differ");
    if (op->p[0] < 0 || op->p[0] > 6)
        return cpu_fail(e, RK_E_INVALID, "prepare", "rank %lld", (long long)op->p[0]);
    for (int64_t d = 0; d < op->p[0]; d++)
        for (int64_t i = 1; i < 4; i++)
            if (op->p[i + 3 * d] < (i == 1 ? 0 : -((int64_t)1 << 46)) ||
                op->p[i + 3 * d] > (int64_t)1 << 46)
                return cpu_fail(e, RK_E_INVALID, "prepare", "p[%d] = %lld", (int)(i + 3 * d),
                                (long long)op->p[i + 3 * d]);
    return RK_OK;
}

static int is_empty(const rk_op *op)
{
    for (int64_t d = 0; d < op->p[0]; d++)
        if (op->p[1 + 3 * d] == 0) return 1;
    return 0;
}

static void plan_units(plan *p)
{
    if (p->rank == 0) /* one element */
        p->extent[0] = p->in[0] = p->out[0] = p->rank = 1;
    int last = p->rank - 1;
    p->cross = -1;
    for (int d = 0; d < last; d++)
        if (absolute(p->in[d]) == 1 && absolute(p->in[last]) > 1) p->cross = d;
    p->split = p->cross >= 0 ? p->cross : last;
    p->piece = p->cross >= 0 ? 2 * TILE : 16384;
    p->pieces = (p->extent[p->split] + p->piece - 1) / p->piece;
    p->units = p->pieces;
    for (int d = 0; d < last; d++)
        if (d != p->cross) p->units *= p->extent[d];
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    rk_status s = check_box(op, e);
    if (s != RK_OK) return s;
    plan *p = k->plan = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *p);
    snprintf(info->impl, sizeof info->impl, "box %s", k->device->isa->name);
    k->threads = 1;
    if (is_empty(op)) return RK_OK;
    p->in_at = op->p[19];
    p->out_at = op->p[20];
    p->element = cpu_dtype_bytes(op->in[0].dtype);
    sort_dimensions(p, op);
    s = check_side(p, p->in, p->in_at, cpu_count(&op->in[0]), "input", e);
    if (s == RK_OK) s = check_side(p, p->out, p->out_at, cpu_count(&op->out[0]), "output", e);
    if (s == RK_OK) s = check_apart(p, e);
    if (s != RK_OK) return s;
    merge_dimensions(p);
    double elements = 1;
    for (int d = 0; d < p->rank; d++) elements *= (double)p->extent[d];
    plan_units(p);
    p->stream = elements * (double)p->element >= CPU_STREAM;
    k->threads = cpu_threads_of(k, 0.3 * elements);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_copy) = {prepare, run, NULL};
