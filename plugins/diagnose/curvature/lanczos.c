#include "lanczos.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- blocks ---- */

/* '*' stands for any text. */
static bool matches(const char *pattern, const char *name)
{
    if (!*pattern) return !*name;
    if (*pattern != '*') return *pattern == *name && matches(pattern + 1, name + 1);
    for (; *name; name++)
        if (matches(pattern + 1, name)) return true;
    return matches(pattern + 1, name);
}

static rk_status no_memory(rk_error *e)
{
    return rk_error_set(e, RK_E_NOMEM, "no memory for vectors of the size of the model");
}

rk_status block_open(rk_lab *lab, rk_objective *f, const char *pattern, hessian_block *out,
                     rk_error *e)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(lab, &t);
    bool *part = calloc(n + (size_t)1, sizeof *part);
    *out = (hessian_block){.lab = lab, .f = f, .part = part};
    out->v = calloc((size_t)rk_lab_size(lab), sizeof *out->v);
    out->hv = calloc((size_t)rk_lab_size(lab), sizeof *out->hv);
    if (!part || !out->v || !out->hv) return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        part[i] = strcmp(pattern, "all") == 0 || matches(pattern, t[i].name);
        if (part[i]) out->size += t[i].size;
    }
    if (out->size) return RK_OK;
    return rk_error_set(e, RK_E_INVALID,
                        "part=%s is no parameter: all, or a name as %s, in which * stands for any "
                        "text",
                        pattern, n ? t[0].name : "hidden1/weight");
}

void block_close(hessian_block *b)
{
    free((bool *)(uintptr_t)b->part); /* its own */
    free(b->v);
    free(b->hv);
}

void block_mask(const hessian_block *b, float *x)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(b->lab, &t);
    for (uint32_t i = 0; i < n; i++)
        if (!b->part[i]) memset(x + t[i].first, 0, (size_t)t[i].size * sizeof *x);
}

rk_status block_product(hessian_block *b, rk_error *e)
{
    block_mask(b, b->v);
    rk_status status = rk_objective_product(b->f, b->v, b->hv, e);
    if (status != RK_OK) return status;
    block_mask(b, b->hv);
    b->products++;
    if (b->expected == 0) return RK_OK;
    double done = (double)b->products / (double)b->expected;
    return rk_lab_progress(b->lab, done < 1 ? done : 1, e);
}

void block_signs(hessian_block *b, rk_random r)
{
    for (int64_t i = 0; i < rk_lab_size(b->lab); i++)
        b->v[i] = rk_random_word(r, (uint64_t)i) & 1 ? 1.0f : -1.0f;
    block_mask(b, b->v);
}

/* ---- Lanczos ---- */

typedef struct work {
    hessian_block *b;
    int64_t n;       /* length of vectors */
    int m;           /* steps done */
    float **basis;   /* [m] */
    double *alpha;   /* [m] */
    double *beta;    /* [m]: beta[i] joins i and i + 1 */
    double *r;       /* [n] */
    double *a, *q;   /* [m][m] */
    spectrum *found; /* theta, weight and bound have room for all steps */
} work;

static double dot(const float *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

static double norm(const double *a, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * a[i];
    return sqrt(sum);
}

static void take_away(double *r, double c, const float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) r[i] -= c * (double)v[i];
}

/* r over its length is the next vector of the basis. */
static rk_status append(work *w, double length, rk_error *e)
{
    float *v = malloc((size_t)w->n * sizeof *v);
    if (!v) return no_memory(e);
    w->basis[w->m] = v;
    for (int64_t i = 0; i < w->n; i++) v[i] = (float)(w->r[i] / length);
    return RK_OK;
}

/* One product; r becomes what is new in it. */
static rk_status step(work *w, rk_error *e)
{
    const float *v = w->basis[w->m];
    memcpy(w->b->v, v, (size_t)w->n * sizeof *v);
    rk_status status = block_product(w->b, e);
    if (status != RK_OK) return status;
    for (int64_t i = 0; i < w->n; i++) w->r[i] = w->b->hv[i];
    w->alpha[w->m] = dot(v, w->r, w->n);
    w->m++;
    for (int repeat = 0; repeat < 2; repeat++)
        for (int k = 0; k < w->m; k++)
            take_away(w->r, dot(w->basis[k], w->r, w->n), w->basis[k], w->n);
    w->beta[w->m - 1] = norm(w->r, w->n);
    return RK_OK;
}

/* The eigenvalues of the tridiagonal matrix so far. */
static void solve(work *w)
{
    int m = w->m;
    spectrum *s = w->found;
    memset(w->a, 0, (size_t)m * (size_t)m * sizeof *w->a);
    for (int i = 0; i < m; i++) {
        w->a[i * m + i] = w->alpha[i];
        if (i + 1 < m) w->a[i * m + i + 1] = w->a[(i + 1) * m + i] = w->beta[i];
    }
    jacobi(m, w->a, s->theta, w->q);
    for (int i = 0; i < m; i++) {
        s->weight[i] = w->q[i] * w->q[i];
        s->bound[i] = w->beta[m - 1] * fabs(w->q[(m - 1) * m + i]);
    }
    s->n = m;
    s->first = w->alpha[0];
}

static bool is_sure(const spectrum *s, lanczos_options o)
{
    int last = s->n - 1;
    double low = fabs(s->theta[0]), high = fabs(s->theta[last]), size = low > high ? low : high;
    return (o.largest || s->bound[0] <= o.tolerance * size) && s->bound[last] <= o.tolerance * size;
}

static rk_status iterate(work *w, lanczos_options o, rk_error *e)
{
    int most = w->b->size < o.iterations ? (int)w->b->size : o.iterations;
    for (int64_t i = 0; i < w->n; i++) w->r[i] = w->b->v[i];
    double length = norm(w->r, w->n), size = 0;
    if (!(length > 0)) return rk_error_set(e, RK_E_INTERNAL, "Lanczos from the vector 0");
    while (w->m < most) {
        rk_status status = append(w, length, e);
        if (status == RK_OK) status = step(w, e);
        if (status != RK_OK) return status;
        length = w->beta[w->m - 1];
        if (!isfinite(length))
            return rk_error_set(e, RK_E_INVALID,
                                "the Hessian is not finite at these weights: did the run diverge?");
        size = fmax(size, fmax(fabs(w->alpha[w->m - 1]), length));
        bool end = w->m == most || !(length > 1e-10 * size);
        if (!end && w->m % 5) continue;
        solve(w);
        if (end || is_sure(w->found, o)) return RK_OK;
    }
    return RK_OK;
}

static rk_status make_room(work *w, int m, rk_error *e)
{
    size_t k = (size_t)m;
    spectrum *s = w->found;
    w->basis = calloc(k, sizeof *w->basis);
    w->alpha = calloc(k, sizeof *w->alpha);
    w->beta = calloc(k, sizeof *w->beta);
    w->r = calloc((size_t)w->n, sizeof *w->r);
    w->a = calloc(k * k, sizeof *w->a);
    w->q = calloc(k * k, sizeof *w->q);
    s->theta = calloc(k, sizeof *s->theta);
    s->weight = calloc(k, sizeof *s->weight);
    s->bound = calloc(k, sizeof *s->bound);
    bool room = w->basis && w->alpha && w->beta && w->r && w->a && w->q && s->theta && s->weight &&
                s->bound;
    return room ? RK_OK : no_memory(e);
}

rk_status lanczos(hessian_block *b, lanczos_options o, spectrum *out, rk_error *e)
{
    work w = {.b = b, .n = rk_lab_size(b->lab), .found = out};
    *out = (spectrum){0};
    rk_status status = make_room(&w, o.iterations, e);
    if (status == RK_OK) status = iterate(&w, o, e);
    for (int k = 0; w.basis && k < o.iterations; k++) free(w.basis[k]);
    free(w.basis);
    free(w.alpha);
    free(w.beta);
    free(w.r);
    free(w.a);
    free(w.q);
    if (status != RK_OK) spectrum_free(out);
    return status;
}

void spectrum_free(spectrum *s)
{
    free(s->theta);
    free(s->weight);
    free(s->bound);
    *s = (spectrum){0};
}
