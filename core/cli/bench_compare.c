/* rethink bench --compare: which numbers of two benches differ by more than they vary. */
#include "base/os.h"
#include "cli/bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which two ------------------------------------------------------------------------------- */

static const rk_bench *find(const rk_benches *all, int64_t id)
{
    for (uint32_t i = 0; i < all->n; i++)
        if (all->bench[i]->record.id == id) return all->bench[i];
    return NULL;
}

static rk_status no_such(const rk_benches *all, const char *path, int64_t id, rk_error *e)
{
    rk_str have = {0};
    for (uint32_t i = 0; i < all->n; i++)
        rk_str_add(&have, "%s%lld", i ? ", " : "", (long long)all->bench[i]->record.id);
    rk_status status =
        RK_FAIL(e, RK_E_INVALID, "--compare: there is no bench %lld in %.100s; %s%s", (long long)id,
                path, have.s ? "it has " : "it has none", have.s ? have.s : "");
    rk_str_free(&have);
    return status;
}

static rk_status choose(const rk_bench_arguments *a, const rk_benches *all, const rk_bench **first,
                        const rk_bench **second, rk_error *e)
{
    if (!a->first && all->n < 2)
        return RK_FAIL(e, RK_E_INVALID,
                       "--compare: %.100s has %s bench: run 'rethink bench', or join others with "
                       "--merge",
                       a->out, all->n ? "only one" : "no");
    if (a->first && a->first == a->second)
        return RK_FAIL(e, RK_E_INVALID, "--compare: bench %lld is itself: give two benches",
                       (long long)a->first);
    *first = a->first ? find(all, a->first) : all->bench[all->n - 2];
    *second = a->first ? find(all, a->second) : all->bench[all->n - 1];
    if (!*first) return no_such(all, a->out, a->first, e);
    return *second ? RK_OK : no_such(all, a->out, a->second, e);
}

/* ---- texts ----------------------------------------------------------------------------------- */

void rk_versus_name(const rk_bench_value *key, char *out, size_t cap)
{
    bool op = strcmp(key->suite, "op") == 0, memorize = strcmp(key->suite, "memorize") == 0;
    bool whole = strcmp(key->name, "seconds") == 0;
    if (!key->subject[0])
        snprintf(out, cap, "%s", key->name);
    else
        snprintf(out, cap, "%s%s, %s%s%s", memorize ? "memorize " : "", key->subject,
                 op && !whole ? "vendor" : key->tier, op || whole ? "" : ", ",
                 op || whole ? "" : key->name);
}

static void quantity(double x, const char *unit, char *out, size_t cap)
{
    if (strcmp(unit, "s") == 0)
        rk_bench_time(x, out, cap);
    else
        snprintf(out, cap, "%.4g G%s", 1e-9 * x, unit);
}

void rk_versus_identity(const rk_versus *v, const rk_versus_device *d,
                        void (*told)(void *ctx, const char *name, const char *a, const char *b),
                        void *ctx)
{
    size_t n;
    const rk_bench_field *text = rk_bench_device_texts(&n);
    const char *const of[][3] = {{"rethink", v->a->record.version, v->b->record.version},
                                 {"host", v->a->record.host, v->b->record.host},
                                 {"size", v->a->record.size, v->b->record.size}};
    char threads[2][24];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (strcmp(of[i][1], of[i][2]) != 0) told(ctx, of[i][0], of[i][1], of[i][2]);
    for (size_t i = 0; i < n; i++) {
        const void *a = (const char *)d->a + text[i].offset;
        const void *b = (const char *)d->b + text[i].offset;
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        if (strcmp(x, y) != 0) told(ctx, text[i].name, x, y);
    }
    snprintf(threads[0], sizeof threads[0], "%lld", (long long)d->a->threads);
    snprintf(threads[1], sizeof threads[1], "%lld", (long long)d->b->threads);
    if (d->a->threads != d->b->threads) told(ctx, "threads", threads[0], threads[1]);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_bench(const char *letter, const rk_bench *b)
{
    const rk_bench_record *r = &b->record;
    printf("%s: bench %lld, %s, %s, %.19s, rethink %s, %s\n", letter, (long long)r->id, r->size,
           r->status, r->started, r->version, r->host);
}

static void print_identity(void *ctx, const char *name, const char *a, const char *b)
{
    printf("%s: other %s: %s -> %s\n", (const char *)ctx, name, a, b);
}

static void number_row(rk_table *t, const rk_versus_device *d, const rk_versus_number *x)
{
    char name[256], a[40], b[40];
    rk_versus_name(x->key, name, sizeof name);
    quantity(exp(x->a.mean), x->key->unit, a, sizeof a);
    quantity(exp(x->b.mean), x->key->unit, b, sizeof b);
    rk_table_cell(t, "%s", d->a->spec);
    rk_table_cell(t, "%s", name);
    rk_table_cell(t, "%s", a);
    rk_table_cell(t, "%s", b);
    rk_table_cell(t, "%.3f", x->speed.ratio);
    rk_table_cell(t, "%.3f to %.3f", x->speed.low, x->speed.high);
    bool same = strcmp(x->by_a, x->by_b) == 0;
    rk_table_cell(t, "%s%s%s%s%s", x->speed.ratio > 1 ? "faster" : "slower", same ? "" : ": ",
                  same ? "" : x->by_b, same ? "" : ", not ", same ? "" : x->by_a);
}

static rk_status print_numbers(const rk_versus *v, rk_error *e)
{
    static const char *const heads[] = {"device",    "number",        "A",   "B",
                                        "B's speed", "95 % interval", "B is"};
    if (v->agree == v->compared) return RK_OK;
    rk_table *t = rk_table_new("llrrrll", heads);
    for (uint32_t i = 0; t && i < v->n; i++)
        for (uint32_t k = 0; k < v->device[i].n; k++) {
            const rk_versus_number *x = &v->device[i].number[k];
            if (!x->why && x->speed.differs) number_row(t, &v->device[i], x);
        }
    putchar('\n');
    rk_status status = t ? rk_table_print(t, stdout, e) : RK_FAIL(e, RK_E_NOMEM, "no memory");
    rk_table_free(t);
    return status;
}

/* "3 numbers measured in B only": each reason once, with its count. */
static void print_reasons(const rk_versus_device *d)
{
    for (uint32_t i = 0; i < d->n; i++) {
        const char *why = d->number[i].why;
        uint32_t before = 0, all = 0;
        for (uint32_t k = 0; why && k < d->n; k++) {
            bool same = d->number[k].why && strcmp(d->number[k].why, why) == 0;
            all += same;
            before += same && k < i;
        }
        if (why && before == 0)
            printf("%s: not compared: %u number%s %s\n", d->a->spec, all, all == 1 ? "" : "s", why);
    }
}

static const char *state(const rk_bench_value *v)
{
    static const char *const support[] = {"ok", "fallback", "unsupported", "wrong"};
    double x = v->spread.median;
    if (v->spread.n < 1) return "not measured";
    if (strcmp(v->suite, "numerics") == 0)
        return x == 1 ? "the reference's bits" : "other bits than the reference's";
    return x >= 0 && x < 4 ? support[(int)x] : "unknown";
}

static void print_changes(const rk_versus_device *d, const rk_versus_change *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *tier = c[i].a->tier;
        printf("%s: %s%s%s: %s -> %s", d->a->spec, c[i].a->subject, tier[0] ? ", " : "", tier,
               state(c[i].a), state(c[i].b));
        bool same = strcmp(state(c[i].a), state(c[i].b)) == 0;
        if (same) printf(", but another digest: %s -> %s", c[i].a->text, c[i].b->text);
        if (!same && c[i].b->text[0]) printf(" (%s)", c[i].b->text);
        putchar('\n');
    }
}

/* The one that is farthest from 1, whether or not it is more than variation. */
static void print_largest(const rk_versus_device *d)
{
    const rk_versus_number *most = NULL;
    char name[256];
    for (uint32_t i = 0; i < d->n; i++) {
        const rk_versus_number *x = &d->number[i];
        if (!x->why && (!most || fabs(log(x->speed.ratio)) > fabs(log(most->speed.ratio))))
            most = x;
    }
    if (!most) return;
    rk_versus_name(most->key, name, sizeof name);
    printf("%s: the largest difference is that of %s: B's speed is %.3f of A's (%.3f to %.3f)\n",
           d->a->spec, name, most->speed.ratio, most->speed.low, most->speed.high);
}

static void print_agreement(const char *what, uint32_t agree, uint32_t compared)
{
    printf("%s: %u of %u numbers agree within their stated variation (95 %%: of %u about %.0f may "
           "not, by chance)\n",
           what, agree, compared, compared, (1 - RK_CONFIDENCE) * compared);
}

static rk_status print(const rk_versus *v, rk_error *e)
{
    print_bench("A", v->a);
    print_bench("B", v->b);
    for (uint32_t i = 0; i < v->n; i++)
        rk_versus_identity(v, &v->device[i], print_identity, (void *)v->device[i].a->spec);
    RK_TRY(print_numbers(v, e));
    putchar('\n');
    for (uint32_t i = 0; i < v->n; i++) {
        const rk_versus_device *d = &v->device[i];
        print_changes(d, d->bits, d->n_bits);
        print_changes(d, d->support, d->n_support);
        print_reasons(d);
        print_largest(d);
        print_agreement(d->a->spec, d->agree, d->compared);
    }
    if (v->n > 1) print_agreement("all", v->agree, v->compared);
    return rk_cli_flush(stdout, "standard output", e);
}

rk_status rk_bench_compare(const rk_bench_arguments *a, rk_error *e)
{
    rk_benches all;
    rk_versus v;
    const rk_bench *first = NULL, *second = NULL;
    RK_TRY(rk_benches_load(a->out, &all, e));
    rk_status status = choose(a, &all, &first, &second, e);
    if (status == RK_OK) status = rk_versus_make(first, second, &v, e);
    if (status == RK_OK) {
        status = a->json ? rk_cli_json(stdout, rk_versus_json(&v), e) : print(&v, e);
        rk_versus_free(&v);
    }
    rk_benches_free(&all);
    return status;
}
