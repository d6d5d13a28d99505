/* example.c: a whole backend of the exact tier: one thread, host memory, and for each of the nine
 * kinds the plain loops that backend.h describes.  Begin your own with a copy of it.  refuse.h
 * beside it is for every backend: what it lets pass is legal. */
#include <rethink/backend.h>
#include <rethink/numerics.h>
#include "refuse.h"

enum { TENSORS = 24, CODE = 128, IMM = 64, ALIGN = 4 };
#define MEMORY ((uint64_t)4 << 30) /* bytes; nobody gets more at once */

typedef struct block { /* every allocation begins with one: close frees those that are left */
    struct block *next, *previous;
} block;
struct rk_device {
    const rk_host *host;
    block all;
};
struct rk_mem {
    block link;
    unsigned char *p;
    uint64_t bytes;
};
struct rk_kernel {
    block link;
    rk_op op;
    rk_tensor t[TENSORS]; /* in, then out */
    rk_ins code[CODE];
    uint32_t imm[IMM];
};

/* ---- devices and memory ---- */

static void *take(rk_device *d, size_t bytes)
{
    block *b = d->host->alloc(d->host->ctx, NULL, bytes);
    if (!b) return NULL;
    *b = (block){d->all.next, &d->all};
    d->all.next->previous = b;
    d->all.next = b;
    return b;
}

static void give(rk_device *d, block *b)
{
    b->previous->next = b->next;
    b->next->previous = b->previous;
    d->host->alloc(d->host->ctx, b, 0);
}

static rk_status devices(const rk_host *h, rk_devinfo *out, uint32_t cap, uint32_t *n, rk_error *e)
{
    rk_devinfo info = {0,  0,     RK_DEV_CPU, ALIGN, MEMORY, MEMORY, "one thread, host memory",
                       "", "1.0", "",         "0"};
    (void)h, (void)e;
    *n = 1;
    if (cap == 0) return RK_OK;
    info.size = out->size; /* the host's entry may be that of an older version */
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return RK_OK;
}

static rk_status open_device(const rk_host *h, uint32_t index, rk_device **out, rk_error *e)
{
    if (index != 0) return FAIL(e, RK_E_INVALID, "there is no device %u, only 0", index);
    rk_device *d = h->alloc(h->ctx, NULL, sizeof *d);
    if (!d) return FAIL(e, RK_E_NOMEM, "no host memory for a device");
    *d = (rk_device){h, {&d->all, &d->all}};
    *out = d;
    return RK_OK;
}

static void close_device(rk_device *d)
{
    while (d->all.next != &d->all) give(d, d->all.next);
    d->host->alloc(d->host->ctx, d, 0);
}

static rk_status mem_alloc(rk_device *d, uint64_t bytes, rk_mem **out, rk_error *e)
{
    rk_mem *m = bytes <= MEMORY ? take(d, sizeof *m + 64 + (size_t)bytes) : NULL;
    if (!m)
        return FAIL(e, RK_E_NOMEM, "%llu bytes wanted, %llu are the most there can be",
                    (unsigned long long)bytes, (unsigned long long)MEMORY);
    m->p = (unsigned char *)(((uintptr_t)(m + 1) + 63) / 64 * 64);
    m->bytes = bytes;
    *out = m;
    return RK_OK;
}

static void mem_free(rk_device *d, rk_mem *m) { give(d, &m->link); }

static int inside(const rk_mem *m, uint64_t offset, uint64_t bytes)
{
    return m && offset <= m->bytes && bytes <= m->bytes - offset;
}

static rk_status write_mem(rk_device *d, rk_mem *m, uint64_t offset, const void *src,
                           uint64_t bytes, rk_error *e)
{
    (void)d;
    if (!inside(m, offset, bytes)) return FAIL(e, RK_E_INVALID, "write beyond the memory's end");
    memcpy(m->p + offset, src, (size_t)bytes);
    return RK_OK;
}

static rk_status read_mem(rk_device *d, rk_mem *m, uint64_t offset, void *dst, uint64_t bytes,
                          rk_error *e)
{
    (void)d;
    if (!inside(m, offset, bytes)) return FAIL(e, RK_E_INVALID, "read beyond the memory's end");
    memcpy(dst, m->p + offset, (size_t)bytes);
    return RK_OK;
}

/* When launch returns its work is done. */
static rk_status sync_device(rk_device *d, rk_error *e) { return (void)d, (void)e, RK_OK; }

/* ---- EWISE ---- */

static uint32_t operand(const rk_kernel *k, unsigned char *const *p, const uint32_t *value,
                        int64_t e, uint16_t o)
{
    uint32_t j = o & RK_R_NUM;
    if ((o & RK_R_KIND) == RK_R_INS) return value[j];
    if ((o & RK_R_KIND) == RK_R_IMM) return k->imm[j];
    if (o == RK_R_INDEX) return (uint32_t)e;
    if (j >= k->op.n_in) return 0; /* the instruction does not use it */
    const rk_tensor *t = &k->t[j];
    uint32_t word = 0;
    int64_t at = 0;
    for (uint32_t d = t->rank; d-- > 0; e /= t->dim[d])
        at += e % t->dim[d] * t->stride[d]; /* 0 along what is broadcast */
    memcpy(&word, p[j] + at * (int64_t)bytes_of(t->dtype), bytes_of(t->dtype));
    return word;
}

#define CASE_1(name) rk_op_##name(x)
#define CASE_2(name) rk_op_##name(x, y)
#define CASE_3(name) rk_op_##name(x, y, z)
#define CASE(name, n)                                                                              \
    case RK_I_##name: return CASE_##n(name);
static uint32_t apply(uint16_t op, uint32_t x, uint32_t y, uint32_t z)
{
    switch (op) {
        RK_INSTRUCTIONS(CASE)
    default: return 0;
    }
}

static void ewise(const rk_kernel *k, unsigned char *const *p)
{
    uint32_t value[CODE];
    const rk_tensor *out = &k->t[k->op.n_in];
    for (int64_t e = 0, n = count(out); e < n; e++)
        for (uint32_t i = 0; i < k->op.n_code; i++) {
            const rk_ins *s = &k->code[i];
            uint32_t x = operand(k, p, value, e, s->a);
            size_t bytes = bytes_of(out[s->op == RK_I_STORE ? s->b : 0].dtype);
            if (s->op == RK_I_STORE)
                memcpy(p[k->op.n_in + s->b] + e * (int64_t)bytes, &x, bytes);
            else
                value[i] =
                    apply(s->op, x, operand(k, p, value, e, s->b), operand(k, p, value, e, s->c));
        }
}

/* ---- the other kinds; q is rk_op.p ---- */

static void copy(const int64_t *q, int64_t d, size_t bytes, const char *in, char *out)
{
    if (d == q[0]) memcpy(out, in, bytes);
    for (int64_t i = 0; d < q[0] && i < q[1 + 3 * d]; i++)
        copy(q, d + 1, bytes, in + i * q[2 + 3 * d] * (int64_t)bytes,
             out + i * q[3 + 3 * d] * (int64_t)bytes);
}

/* The order of numerics.h: of up to RK_SUM_BLOCK pieces, each of them `piece` floats long. */
static float sum(const float *x, int64_t n, int64_t stride, int64_t piece)
{
    float lane[RK_SUM_LANES] = {0};
    if (n > piece * RK_SUM_BLOCK) return sum(x, n, stride, piece * RK_SUM_BLOCK);
    for (int64_t i = 0; i * piece < n; i++) {
        int64_t from = i * piece, left = n - from < piece ? n - from : piece;
        lane[i % RK_SUM_LANES] += piece == 1
                                      ? x[from * stride]
                                      : sum(x + from * stride, left, stride, piece / RK_SUM_BLOCK);
    }
    for (int w = RK_SUM_LANES / 2; w >= 1; w /= 2)
        for (int l = 0; l < w; l++) lane[l] += lane[l + w];
    return lane[0];
}

static uint32_t reduce(const int64_t *q, const float *x, int64_t e)
{
    int64_t best = -1, stride = q[3];
    x += e / stride * q[2] * stride + e % stride;
    if (q[0] == RK_REDUCE_SUM) return rk_bits(sum(x, q[2], stride, 1));
    for (int64_t r = 0; r < q[2]; r++)
        if (x[r * stride] == x[r * stride] && (best < 0 || x[r * stride] > x[best * stride]))
            best = r;
    if (q[0] == RK_REDUCE_ARGMAX) return best < 0 ? 0 : (uint32_t)best;
    return rk_bits(best < 0 ? -__builtin_inff() : x[best * stride] + 0.0f); /* -0 gives +0 */
}

/* An fma chain in blocks; a tap that takes no part counts. */
typedef struct chain {
    float total, acc;
    int64_t taps, block;
} chain;

static void tap(chain *c, int takes_part, float a, float b)
{
    if (c->taps && c->taps % c->block == 0) {
        c->total = c->taps == c->block ? c->acc : c->total + c->acc;
        c->acc = 0;
    }
    c->taps++;
    if (takes_part) c->acc = __builtin_fmaf(a, b, c->acc);
}

static uint32_t end(const chain *c)
{
    return rk_bits(c->taps <= c->block ? c->acc : c->total + c->acc);
}

static uint32_t matmul(const int64_t *q, const float *a, const float *b, int64_t e)
{
    int64_t m = q[1], n = q[2], k = q[3], t = e / (m * n), i = e / n % m, j = e % n;
    chain c = {.block = RK_MATMUL_BLOCK};
    a += t * q[6];
    b += t * q[7];
    for (int64_t l = 0; l < k; l++)
        tap(&c, 1, a[q[4] ? l * m + i : i * k + l], b[q[5] ? j * k + l : l * n + j]);
    return end(&c);
}

/* Element (h, w) of plane number n, +0 outside. */
static float plane(const float *p, int64_t n, int64_t h, int64_t w, int64_t height, int64_t width)
{
    return h < 0 || h >= height || w < 0 || w >= width ? 0 : p[(n * height + h) * width + w];
}

/* Element e of the member that q[0] names: i0 ... i3 are its indices, (u, v, w) those of a tap. */
static uint32_t conv(const int64_t *q, const float *a, const float *b, int64_t e)
{
    int64_t N = q[1], C = q[2], H = q[3], W = q[4], K = q[5], R = q[6], S = q[7], OH = q[12],
            OW = q[13], which = q[0];
    const int64_t dims[3][6] = {{K, OH, OW, C, R, S}, {C, H, W, K, R, S}, {C, R, S, N, OH, OW}};
    const int64_t *d = dims[which];
    int64_t i0 = e / (d[0] * d[1] * d[2]), i1 = e / (d[1] * d[2]) % d[0], i2 = e / d[2] % d[1],
            i3 = e % d[2];
    chain c = {.block = which == RK_CONV_DW ? RK_CONV_DW_BLOCK : RK_CONV_BLOCK};
    for (int64_t u = 0; u < d[3]; u++)
        for (int64_t v = 0; v < d[4]; v++)
            for (int64_t w = 0; w < d[5]; w++) {
                if (which == RK_CONV_DX) { /* a place in g that is not whole takes no part */
                    int64_t h = i2 + q[10] - v, x = i3 + q[11] - w;
                    int whole = h % q[8] == 0 && x % q[9] == 0;
                    tap(&c, whole, plane(a, i0 * K + u, h / q[8], x / q[9], OH, OW),
                        b[((u * C + i1) * R + v) * S + w]);
                    continue;
                }
                int dw = which == RK_CONV_DW; /* of output and tap, which is the window's place? */
                int64_t h = (dw ? v : i2) * q[8] + (dw ? i2 : v) - q[10];
                int64_t x = (dw ? w : i3) * q[9] + (dw ? i3 : w) - q[11];
                tap(&c, 1, plane(a, dw ? u * C + i1 : i0 * C + u, h, x, H, W),
                    b[dw ? ((u * K + i0) * OH + v) * OW + w : ((i1 * C + u) * R + v) * S + w]);
            }
    return end(&c);
}

/* Every member visits windows and taps in ascending order, which is the order of each sum, too. */
static void window(const int64_t *q, const uint32_t *a, const uint32_t *index, uint32_t *z)
{
    int64_t H = q[2], W = q[3], OH = q[10], OW = q[11];
    if (q[0] == RK_WINDOW_SUM_T || q[0] == RK_WINDOW_PUT) memset(z, 0, (size_t)(q[1] * H * W) * 4);
    for (int64_t y = 0; y < q[1] * OH * OW; y++) {
        int64_t x = y / (OH * OW) * H * W, oh = y / OW % OH, ow = y % OW; /* x: its plane */
        uint32_t best = 0xFFFFFFFFu;
        float sum = 0;
        for (int64_t r = 0; r < q[4] && q[0] < RK_WINDOW_TAKE; r++)
            for (int64_t s = 0; s < q[5]; s++) {
                int64_t h = oh * q[6] + r - q[8], w = ow * q[7] + s - q[9], at = h * W + w;
                if (h < 0 || h >= H || w < 0 || w >= W) continue;
                if (q[0] == RK_WINDOW_SUM_T) {
                    z[x + at] = rk_op_FADD(z[x + at], a[y]);
                    continue;
                }
                float v = rk_float(a[x + at]);
                sum += v;
                if (v == v && (best == 0xFFFFFFFFu || v > rk_float(a[x + best])))
                    best = (uint32_t)at;
            }
        int known = q[0] >= RK_WINDOW_TAKE && index[y] < (uint64_t)(H * W);
        if (q[0] == RK_WINDOW_PUT && known) z[x + index[y]] = rk_op_FADD(z[x + index[y]], a[y]);
        if (q[0] == RK_WINDOW_TAKE) z[y] = known ? a[x + index[y]] : 0;
        if (q[0] == RK_WINDOW_SUM) z[y] = rk_bits(sum);
        if (q[0] == RK_WINDOW_ARGMAX) z[y] = best;
    }
}

static void rows(const rk_kernel *k, const unsigned char *in, const uint32_t *index, void *out)
{
    const int64_t *q = k->op.p;
    int put = k->op.kind == RK_PUT;
    size_t row = (size_t)q[1] * bytes_of(k->t[0].dtype);
    if (put) memset(out, 0, (size_t)q[0] * row);
    for (int64_t j = 0; j < q[2]; j++) {
        unsigned char *to = (unsigned char *)out + (size_t)(put ? index[j] : j) * row;
        int known = index[j] < (uint64_t)q[0];
        if (!put && !known) memset(to, 0, row);
        if (!put && known) memcpy(to, in + index[j] * row, row);
        for (int64_t i = 0; put && known && i < q[1]; i++)
            ((float *)to)[i] += ((const float *)in)[j * q[1] + i];
    }
}

static void rng(const int64_t *q, const uint32_t *seed, uint32_t *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        rk_word c[4] = {(uint32_t)(i / 4), 0, seed[2], (uint32_t)q[0]};
        rk_philox(c, seed[0], seed[1]);
        out[i] = c[i % 4];
    }
}

/* ---- kernels ---- */

static rk_status prepare(rk_device *d, const rk_op *op, rk_kernel **out, rk_kinfo *info,
                         rk_error *e)
{
    const limits most = {TENSORS, CODE, IMM, MEMORY / 4};
    rk_status bad = refuse(op, &most, e);
    if (bad != RK_OK) return bad;
    rk_kernel *k = take(d, sizeof *k);
    if (!k) return FAIL(e, RK_E_NOMEM, "no host memory for a kernel");
    k->op = *op;
    for (uint32_t i = 0; i < op->n_in; i++) k->t[i] = op->in[i];
    for (uint32_t i = 0; i < op->n_out; i++) k->t[op->n_in + i] = op->out[i];
    if (op->n_code) memcpy(k->code, op->code, op->n_code * sizeof *op->code);
    if (op->n_imm) memcpy(k->imm, op->imm, op->n_imm * sizeof *op->imm);
    info->tier = RK_TIER_EXACT; /* no workspace, nothing in place: those are 0 already */
    snprintf(info->impl, sizeof info->impl, "plain loops");
    *out = k;
    return RK_OK;
}

static void compute(const rk_kernel *k, unsigned char *const *p)
{
    const int64_t *q = k->op.p;
    void *a = p[0], *b = p[1], *z = p[k->op.n_in];
    int64_t n = count(&k->t[k->op.n_in]);
    size_t bytes = bytes_of(k->t[0].dtype);
    switch (k->op.kind) {
    case RK_EWISE: ewise(k, p); break;
    case RK_COPY:
        copy(q, 0, bytes, (char *)a + q[19] * (int64_t)bytes, (char *)z + q[20] * (int64_t)bytes);
        break;
    case RK_WINDOW: window(q, a, b, z); break;
    case RK_RNG: rng(q, a, z, n); break;
    case RK_TAKE:
    case RK_PUT: rows(k, a, b, z); break;
    default:
        for (int64_t e = 0; e < n; e++)
            ((uint32_t *)z)[e] = k->op.kind == RK_REDUCE   ? reduce(q, a, e)
                                 : k->op.kind == RK_MATMUL ? matmul(q, a, b, e)
                                                           : conv(q, a, b, e);
    }
}

static rk_status launch(rk_device *d, rk_kernel *k, const rk_arg *arg, uint32_t n, rk_error *e)
{
    unsigned char *p[TENSORS + 1] = {NULL};
    (void)d;
    if (n != k->op.n_in + k->op.n_out)
        return FAIL(e, RK_E_INVALID, "%u arguments, not %u", n, k->op.n_in + k->op.n_out);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = bytes_in_memory(&k->t[i]);
        if (arg[i].offset % ALIGN || !inside(arg[i].mem, arg[i].offset, bytes))
            return FAIL(e, RK_E_INVALID, "argument %u is not inside of its memory", i);
        p[i] = arg[i].mem->p + arg[i].offset;
    }
    compute(k, p);
    return RK_OK;
}

static void release(rk_device *d, rk_kernel *k) { give(d, &k->link); }

RK_BACKEND_MAGIC;

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor);
const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor)
{
    static const rk_backend table = {
        sizeof table, RK_ABI_MAJOR, RK_ABI_MINOR, 0,           "example", "1.0",     __VERSION__,
        devices,      open_device,  close_device, mem_alloc,   mem_free,  write_mem, read_mem,
        prepare,      launch,       release,      sync_device, NULL,      NULL,      NULL};
    (void)host_minor;
    return host_major == RK_ABI_MAJOR ? &table : NULL;
}
