/* Choices of an op: what may be decided otherwise than by a static rule, with the same bits. */
#include "choice.h"
#include <stdio.h>
#include <string.h>

/* How many threads work on it, where that is decided by the amount of work. */
static void add_threads(const rk_kernel *k, cpu_choices *out)
{
    const int all = k->device->threads, half = all / 2;
    const int count[] = {all, 1, half};
    for (int i = 0; i < 3; i++)
        if (count[i] > (i == 2) && count[i] != k->threads && (i == 0 || count[i] < all))
            cpu_choices_add(out, (cpu_choice){.threads = count[i]});
}

/* A kernel that was prepared by the static rules knows what they decided. */
static rk_status list(rk_device *d, const rk_op *op, cpu_choices *out, rk_error *e)
{
    rk_kernel *k;
    rk_kinfo info = {.size = sizeof info};
    *out = (cpu_choices){.n = 1};
    rk_status s = cpu_prepare(d, op, NULL, &k, &info, e);
    if (s != RK_OK) return s;
    if (k->kind->choices) k->kind->choices(k, out);
    if (op->kind == RK_MATMUL || op->kind == RK_CONV || op->kind == RK_EWISE ||
        op->kind == RK_REDUCE || op->kind == RK_WINDOW)
        add_threads(k, out);
    cpu_release(d, k);
    return RK_OK;
}

static void name_of(const cpu_choice *c, int threads, char name[64])
{
    static const char *const ways[] = {"static rule",     "b packed",        "b in place",
                                       "columns by rows", "rows by columns", "exact kernels"};
    if (c->threads)
        snprintf(name, 64, "%s",
                 c->threads == threads ? "all threads"
                 : c->threads == 1     ? "one thread"
                                       : "half the threads");
    else if (c->by_m)
        snprintf(name, 64, "split %lldx%lld", (long long)c->by_m, (long long)c->by_n);
    else if (c->columns)
        snprintf(name, 64, "columns %lld", (long long)c->columns);
    else
        snprintf(name, 64, "%s", ways[c->way]);
}

rk_status cpu_choice_name(rk_device *d, const rk_op *op, uint32_t i, char name[64], uint32_t *n,
                          rk_error *e)
{
    cpu_choices all;
    *n = 0;
    rk_status s = list(d, op, &all, e);
    if (s != RK_OK) return s;
    *n = all.n;
    if (i < all.n) name_of(&all.at[i], d->threads, name);
    return RK_OK;
}

static void append(rk_kinfo *info, const char *name)
{
    size_t n = RK_HAS(rk_kinfo, info, impl) ? strlen(info->impl) : sizeof info->impl;
    if (n < sizeof info->impl) snprintf(info->impl + n, sizeof info->impl - n, ", %s", name);
}

rk_status cpu_prepare_choice(rk_device *d, const rk_op *op, const char *name, rk_kernel **out,
                             rk_kinfo *info, rk_error *e)
{
    cpu_choices all;
    char other[64];
    rk_status s = list(d, op, &all, e);
    for (uint32_t i = 0; s == RK_OK && i < all.n; i++) {
        name_of(&all.at[i], d->threads, other);
        if (strcmp(other, name) != 0) continue;
        s = cpu_prepare(d, op, &all.at[i], out, info, e);
        if (s == RK_OK && i > 0) append(info, name);
        return s;
    }
    if (s != RK_OK) return s;
    return cpu_fail(e, RK_E_UNSUPPORTED, "prepare_choice", "no choice \"%.63s\" of this operation",
                    name);
}
