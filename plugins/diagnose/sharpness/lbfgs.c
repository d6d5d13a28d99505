#include "box.h"
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 10, TASK = 60 };

/* setulb_ of L-BFGS-B 3.0 (Zhu, Byrd, Lu and Nocedal 1997; Morales and Nocedal 2011), a Fortran
 * subroutine that asks its caller for values: it looks for the smallest f with low <= x <= high.
 * wa has 2 m n + 5 n + 11 m^2 + 8 m numbers, iwa 3 n; texts have their length last. */
typedef void setulb(const int *n, const int *m, double *x, const double *low, const double *high,
                    const int *kind, double *f, double *g, const double *factr, const double *pgtol,
                    double *wa, int *iwa, char *task, const int *iprint, char *csave, int *lsave,
                    int *isave, double *dsave, size_t task_bytes, size_t csave_bytes);

/* Only who asks for it loads it, and the BLAS that it needs. */
static rk_status find(setulb **out, rk_error *e)
{
    /* NODELETE: threads of a BLAS outlive any close. */
    void *library = dlopen("liblbfgsb.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return rk_error_set(e, RK_E_UNSUPPORTED,
                            "there is no L-BFGS-B (%s): install the package liblbfgsb0, or take "
                            "engine=ascent",
                            dlerror());
    *(void **)out = dlsym(library, "setulb_");
    if (!*out)
        return rk_error_set(e, RK_E_UNSUPPORTED, "the L-BFGS-B of this machine has no setulb_");
    return RK_OK;
}

/* A search, in variables u = y / bound, of -scale f. */
typedef struct search {
    const box *b;
    setulb *library;
    double *y, *gradient;           /* [n] */
    double *u, *low, *high, *slope; /* [n] */
    double *wa;
    int *kind, *iwa;
    char task[TASK], csave[TASK];
    int lsave[4], isave[44];
    double dsave[29];
    double f, scale; /* scale: 0 before the first value */
} search;

static double largest(const search *s)
{
    double most = 0;
    for (int64_t i = 0; i < s->b->n; i++) most = fmax(most, fabs(s->gradient[i] * s->b->bound[i]));
    return most;
}

/* Bounds hold exactly whatever rounding the division by them brought. */
static rk_status evaluate(search *s, double *best, rk_error *e)
{
    double f;
    for (int64_t i = 0; i < s->b->n; i++) s->y[i] = fmin(fmax(s->u[i], -1), 1) * s->b->bound[i];
    rk_status status = s->b->value(s->b->ctx, s->y, &f, s->gradient, e);
    if (status != RK_OK) return status;
    if (s->scale == 0) {
        double most = largest(s);
        s->scale = most > 0 && isfinite(most) ? 1 / most : 1;
        *best = f;
    }
    if (f > *best) *best = f;
    s->f = -s->scale * f;
    for (int64_t i = 0; i < s->b->n; i++) s->slope[i] = -s->scale * s->gradient[i] * s->b->bound[i];
    return RK_OK;
}

static void ask(search *s)
{
    const int n = (int)s->b->n, m = PAIRS, quiet = -1;
    const double none = 0; /* no tolerance */
    s->library(&n, &m, s->u, s->low, s->high, s->kind, &s->f, s->slope, &none, &none, s->wa, s->iwa,
               s->task, &quiet, s->csave, s->lsave, s->isave, s->dsave, TASK, TASK);
}

static bool says(const search *s, const char *task)
{
    return strncmp(s->task, task, strlen(task)) == 0;
}

/* Until so many iterations are done, or a value is no better to the last bit. */
static rk_status iterate(search *s, int64_t steps, double *best, rk_error *e)
{
    memset(s->task, ' ', TASK);
    memcpy(s->task, "START", 5);
    for (int64_t done = 0; done < steps;) {
        rk_status status = RK_OK;
        ask(s);
        if (says(s, "FG"))
            status = evaluate(s, best, e);
        else if (says(s, "NEW_X"))
            done++;
        else
            break;
        if (status != RK_OK) return status;
    }
    if (s->scale != 0) return RK_OK;
    return rk_error_set(e, RK_E_INTERNAL, "L-BFGS-B does not begin: %.50s", s->task);
}

static bool allocate(search *s)
{
    size_t n = (size_t)s->b->n, m = PAIRS;
    s->gradient = malloc(5 * n * sizeof *s->gradient);
    s->wa = calloc(2 * m * n + 5 * n + 11 * m * m + 8 * m, sizeof *s->wa);
    s->kind = malloc(n * sizeof *s->kind);
    s->iwa = calloc(3 * n, sizeof *s->iwa);
    return s->gradient && s->wa && s->kind && s->iwa;
}

rk_status box_lbfgs(const box *b, int64_t steps, double *y, double *best, rk_error *e)
{
    search s = {.b = b, .y = y};
    rk_status status = find(&s.library, e);
    if (status != RK_OK) return status;
    if (b->n <= INT32_MAX && allocate(&s)) {
        s.u = s.gradient + b->n;
        s.low = s.u + b->n;
        s.high = s.low + b->n;
        s.slope = s.high + b->n;
        for (int64_t i = 0; i < b->n; i++) {
            s.u[i] = b->bound[i] > 0 ? y[i] / b->bound[i] : 0;
            s.low[i] = -1;
            s.high[i] = 1;
            s.kind[i] = 2; /* both bounds */
        }
        status = iterate(&s, steps, best, e);
    } else {
        status = rk_error_set(e, RK_E_NOMEM, "no memory for L-BFGS-B with %lld variables",
                              (long long)b->n);
    }
    free(s.gradient);
    free(s.wa);
    free(s.kind);
    free(s.iwa);
    return status;
}
