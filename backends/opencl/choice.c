/* Choices of an op: what may be decided otherwise than by a static rule, with the same bits. */
#include "choice.h"
#include <stdio.h>
#include <string.h>

void ocl_choices_fill(ocl_choices *out, const ocl_menu *m, ocl_choice_fits *fits, const void *ctx)
{
    out->n = 0;
    for (uint32_t changed = 0; changed <= 3; changed++)
        for (uint32_t t = 0; t <= m->n_tile; t++)
            for (uint32_t d = 0; d <= m->n_deep; d++)
                for (uint32_t p = 0; p <= m->n_part; p++) {
                    ocl_choice c = {0};
                    if ((t > 0) + (d > 0) + (p > 0) != (int)changed) continue;
                    if (t) c.rows = m->tile[t - 1][0], c.cols = m->tile[t - 1][1];
                    if (d) c.deep = m->deep[d - 1];
                    if (p) c.part = m->part[p - 1];
                    if (out->n < OCL_CHOICES && (!changed || !fits || fits(&c, ctx)))
                        out->at[out->n++] = c;
                }
}

void ocl_choices_put(ocl_choices *out, uint32_t at, ocl_choice c)
{
    if (out->n == OCL_CHOICES) out->n--;
    if (at > out->n) at = out->n;
    memmove(&out->at[at + 1], &out->at[at], (out->n - at) * sizeof *out->at);
    out->at[at] = c;
    out->n++;
}

void ocl_choices_way(ocl_choices *out, uint32_t way)
{
    ocl_choices_put(out, 1, (ocl_choice){.way = way});
}

int ocl_choice_is_exact(const ocl_choice *c)
{
    return c->way == OCL_WAY_EXACT || (!c->way && (c->rows || c->deep || c->part));
}

static void name_of(const ocl_choice *c, char name[64])
{
    static const char *const ways[] = {"",          "exact kernels ", "clblast ",
                                       "winograd ", "winograd 4x4 ",  "3xtf32 "};
    if (c->set) {
        ocl_blast_set_name(c->set, name);
        return;
    }
    int n = snprintf(name, 64, "%s", ways[c->way]);
    if (c->rows) n += snprintf(name + n, 64 - (size_t)n, "tile %ux%u ", c->rows, c->cols);
    if (c->deep) n += snprintf(name + n, 64 - (size_t)n, "deep %u ", c->deep);
    if (c->part) n += snprintf(name + n, 64 - (size_t)n, "part %u ", c->part);
    if (n)
        name[n - 1] = 0;
    else
        snprintf(name, 64, "static rule");
}

static void list(const rk_device *d, const rk_op *op, ocl_choices *out)
{
    *out = (ocl_choices){.n = 1};
    for (uint32_t j = 0; j < op->n_out; j++)
        if (!ocl_count(&op->out[j])) return;
    switch (op->kind) {
    case RK_MATMUL: ocl_matmul_choices(d, op, out); return;
    case RK_CONV: ocl_conv_choices(d, op, out); return;
    case RK_REDUCE: ocl_reduce_choices(d, out); return;
    case RK_EWISE:
    case RK_WINDOW: ocl_divide_choices(d, op, out); return;
    default: return;
    }
}

rk_status ocl_choice_name(rk_device *d, const rk_op *given, uint32_t i, char name[64], uint32_t *n,
                          rk_error *e)
{
    ocl_choices all;
    *n = 0;
    OCL_TRY(ocl_alive(d, e));
    OCL_TRY(ocl_check(given, e));
    list(d, given, &all);
    *n = all.n;
    if (i < all.n) name_of(&all.at[i], name);
    return RK_OK;
}

rk_status ocl_choice_find(rk_device *d, const rk_op *op, const char *name, ocl_choice *out,
                          rk_error *e)
{
    ocl_choices all;
    char other[64];
    list(d, op, &all);
    for (uint32_t i = 0; i < all.n; i++) {
        name_of(&all.at[i], other);
        if (strcmp(other, name) != 0) continue;
        *out = all.at[i];
        return RK_OK;
    }
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "no choice \"%.63s\" of this operation", name);
}

/* Work that a work-item does at once.  Of the cpu variant, see ocl_divide; of the gpu variant, the
 * elements of its vector. */
void ocl_divide_choices(const rk_device *d, const rk_op *op, ocl_choices *out)
{
    static const uint32_t grains[] = {1024, 16384, 65536, 256};
    static const uint32_t widths[] = {1, 4};
    const ocl_menu menu = {.part = grains, .n_part = 4}, gpu = {.part = widths, .n_part = 2};
    if (!d->cpu && d->quad > 1 && op->kind == RK_EWISE) ocl_choices_fill(out, &gpu, NULL, NULL);
    if (d->cpu && !(op->kind == RK_WINDOW && op->p[0] == RK_WINDOW_PUT))
        ocl_choices_fill(out, &menu, NULL, NULL);
}
