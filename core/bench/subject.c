/* What an op is called, and how much it moves. */
#include <stdio.h>
#include <string.h>
#include "bench/oplist.h"

const char *rk_op_sort(const rk_sample *t)
{
    static const char *const conv[] = {"conv y", "conv dx", "conv dw"};
    static const char *const window[] = {"window sum", "window adjoint", "window argmax",
                                         "window take", "window put"};
    static const char *const reduce[] = {"reduce sum", "reduce max", "reduce argmax"};
    int64_t which = t->op.p[0];
    switch (t->op.kind) {
    case RK_CONV: return which >= 0 && which < 3 ? conv[which] : "conv";
    case RK_WINDOW: return which >= 0 && which < 5 ? window[which] : "window";
    case RK_REDUCE: return which >= 0 && which < 3 ? reduce[which] : "reduce";
    default: return rk_op_kind(&t->op);
    }
}

typedef struct line {
    char *out;
    size_t n, cap;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *l, const char *format, ...)
{
    va_list args;
    if (l->n >= l->cap) return;
    va_start(args, format);
    int more = vsnprintf(l->out + l->n, l->cap - l->n, format, args);
    va_end(args);
    l->n += more > 0 ? (size_t)more : 0;
}

static void add_dims(line *l, const int64_t *dim, uint32_t rank)
{
    for (uint32_t d = 0; d < rank; d++) add(l, "%s%lld", d ? "x" : "", (long long)dim[d]);
    if (rank == 0) add(l, "1");
}

static void add_pair(line *l, const char *what, int64_t h, int64_t w, int64_t usual)
{
    if (h == usual && w == usual) return;
    add(l, ", %s %lld", what, (long long)h);
    if (h != w) add(l, "x%lld", (long long)w);
}

static void add_matmul(line *l, const int64_t *p)
{
    if (p[0] != 1) add(l, "%lld of ", (long long)p[0]);
    add_dims(l, p + 1, 3);
    if (p[4] || p[5]) add(l, " %c%c", p[4] ? 't' : 'n', p[5] ? 't' : 'n');
}

static void add_conv(line *l, const int64_t *p)
{
    add_dims(l, p + 1, 4);
    add(l, ", %lldx%lldx%lldx%lld", (long long)p[5], (long long)p[2], (long long)p[6],
        (long long)p[7]);
    add_pair(l, "stride", p[8], p[9], 1);
    add_pair(l, "pad", p[10], p[11], 0);
}

static void add_window(line *l, const int64_t *p)
{
    add_dims(l, p + 1, 3);
    add(l, ", %lldx%lld", (long long)p[4], (long long)p[5]);
    add_pair(l, "stride", p[6], p[7], 1);
    add_pair(l, "pad", p[8], p[9], 0);
}

/* Programs, boxes and operands that names do not tell apart. */
static void add_mark(line *l, const rk_sample *t, int digits)
{
    char digest[33];
    rk_digest_hex(t, sizeof *t, digest);
    add(l, " #%.*s", digits, digest);
}

void rk_op_mark(const rk_sample *t, char *text, size_t cap)
{
    enum { LONGEST = 10 };
    line l = {text, strlen(text), cap};
    if (l.n + LONGEST >= cap) l.n = cap - LONGEST - 1; /* all of the mark, whatever it follows */
    add_mark(&l, t, 8);
}

void rk_op_subject(const rk_sample *t, char *out, size_t cap)
{
    line l = {out, 0, cap};
    const int64_t *p = t->op.p;
    int64_t extent[6];
    add(&l, "%s ", rk_op_sort(t));
    switch (t->op.kind) {
    case RK_MATMUL: add_matmul(&l, p); break;
    case RK_CONV: add_conv(&l, p); break;
    case RK_WINDOW: add_window(&l, p); break;
    case RK_REDUCE: add_dims(&l, p + 1, 3); break;
    case RK_TAKE:
    case RK_PUT:
        add(&l, "%lld of %lldx%lld", (long long)p[2], (long long)p[0], (long long)p[1]);
        break;
    case RK_COPY:
        for (int64_t d = 0; d < p[0] && d < 6; d++) extent[d] = p[1 + 3 * d];
        add_dims(&l, extent, (uint32_t)p[0]);
        break;
    default: add_dims(&l, t->out[0].dim, t->out[0].rank);
    }
    if (t->op.n_code) add(&l, ", %u instructions", t->op.n_code);
    if (t->op.n_code || t->op.kind == RK_COPY) add_mark(&l, t, 4);
}

static double tensor_bytes(const rk_tensor *t)
{
    return (double)rk_tensor_extent(t) * rk_dtype_bytes(t->dtype);
}

double rk_op_bytes(const rk_sample *t)
{
    double in = 0, out = 0;
    if (t->op.kind == RK_COPY) {
        out = 2.0 * rk_dtype_bytes(t->out[0].dtype);
        for (int64_t d = 0; d < t->op.p[0]; d++) out *= (double)t->op.p[1 + 3 * d];
        return out;
    }
    for (uint32_t j = 0; j < t->op.n_out; j++) out += tensor_bytes(&t->out[j]);
    for (uint32_t j = 0; j < t->op.n_in; j++) {
        double bytes = tensor_bytes(&t->in[j]);
        /* Of the rows that a TAKE chooses from it reads those that it writes. */
        in += t->op.kind == RK_TAKE && j == 0 && bytes > out ? out : bytes;
    }
    return in + out;
}
