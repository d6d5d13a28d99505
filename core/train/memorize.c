#include "train/memorize.h"
#include "base/error.h"
#include "base/moments.h"
#include "train/results_scores.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sets of runs: `words` words of bits each. */
typedef struct sets {
    uint64_t *bits;
    size_t words;
} sets;

/* What runs are counted into. */
typedef struct counter {
    rk_memorization *out;
    sets in, right; /* [examples]: runs that trained on it; [tests]: runs that were right */
    uint32_t *in_right, *out_right;
    int64_t *test;
    uint32_t n_runs;
    rk_error *e;
} counter;

static rk_status no_memory(const counter *c)
{
    return RK_FAIL(c->e, RK_E_NOMEM, "no memory for %u examples and %u runs", c->out->examples,
                   c->n_runs);
}

static uint64_t *set_of(const sets *s, uint32_t i) { return s->bits + i * s->words; }

static void put(const sets *s, uint32_t i, uint32_t run)
{
    set_of(s, i)[run / 64] |= (uint64_t)1 << run % 64;
}

static uint32_t common(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t k = 0; k < words; k++) n += (uint32_t)__builtin_popcountll(a[k] & b[k]);
    return n;
}

static bool make_set(sets *s, uint32_t n, uint32_t runs)
{
    s->words = (runs + 63) / 64;
    s->bits = calloc((size_t)n * s->words + 1, sizeof *s->bits);
    return s->bits;
}

/* ---- counting -------------------------------------------------------------------------------- */

/* The first run says which examples there are. */
static rk_status begin(counter *c, const rk_example_score *row, uint32_t n,
                       const rk_example_score *test, uint32_t n_test)
{
    rk_memorization *m = c->out;
    m->examples = n;
    m->tests = n_test;
    m->memory = calloc(n + (size_t)1, sizeof *m->memory);
    c->in_right = calloc(n + (size_t)1, sizeof *c->in_right);
    c->out_right = calloc(n + (size_t)1, sizeof *c->out_right);
    c->test = calloc(n_test + (size_t)1, sizeof *c->test);
    if (!m->memory || !c->in_right || !c->out_right || !c->test ||
        !make_set(&c->in, n, c->n_runs) || !make_set(&c->right, n_test, c->n_runs))
        return no_memory(c);
    for (uint32_t i = 0; i < n; i++) {
        m->memory[i] = (rk_memory){
            .example = row[i].example, .label = row[i].label, .true_label = row[i].true_label};
        m->changed += row[i].label != row[i].true_label;
    }
    for (uint32_t i = 0; i < n_test; i++) c->test[i] = test[i].example;
    return RK_OK;
}

static void count_run(counter *c, const rk_example_score *row, const rk_example_score *test)
{
    rk_memorization *m = c->out;
    for (uint32_t i = 0; i < m->examples; i++) {
        uint32_t right = row[i].prediction == row[i].label;
        m->memory[i].in += !row[i].held;
        m->memory[i].out += row[i].held != 0;
        *(row[i].held ? &c->out_right[i] : &c->in_right[i]) += right;
        if (!row[i].held) put(&c->in, i, m->runs);
    }
    for (uint32_t i = 0; i < m->tests; i++)
        if (test[i].prediction == test[i].label) put(&c->right, i, m->runs);
    m->runs++;
}

static rk_status add_run(counter *c, rk_results *r, int64_t id)
{
    rk_example_score *row = NULL, *test = NULL;
    uint32_t n = 0, n_test = 0;
    rk_status status = rk_results_scores(r, id, false, &row, &n, c->e);
    if (status == RK_OK) status = rk_results_scores(r, id, true, &test, &n_test, c->e);
    if (status == RK_OK && !c->out->memory) status = begin(c, row, n, test, n_test);
    if (status == RK_OK && (n != c->out->examples || n_test != c->out->tests))
        status = RK_FAIL(c->e, RK_E_INVALID, "run %lld has other examples", (long long)id);
    if (status == RK_OK) count_run(c, row, test);
    free(row);
    free(test);
    return status;
}

/* ---- what is made of it ---------------------------------------------------------------------- */

static void estimate(counter *c)
{
    for (uint32_t i = 0; i < c->out->examples; i++) {
        rk_memory *m = &c->out->memory[i];
        m->c_score = m->out ? (double)c->out_right[i] / m->out : (double)NAN;
        m->mem = m->in && m->out ? (double)c->in_right[i] / m->in - m->c_score : (double)NAN;
    }
}

static rk_status area(counter *c, double sign, double *out)
{
    const rk_memorization *m = c->out;
    double *value = calloc(m->examples + (size_t)1, sizeof *value);
    bool *changed = calloc(m->examples + (size_t)1, sizeof *changed);
    rk_status status = value && changed ? RK_OK : no_memory(c);
    for (uint32_t i = 0; status == RK_OK && i < m->examples; i++) {
        const rk_memory *x = &m->memory[i];
        value[i] = sign > 0 ? x->mem : -x->c_score;
        changed[i] = x->label != x->true_label;
    }
    if (status == RK_OK) status = rk_auc(value, changed, m->examples, out, c->e);
    free(value);
    free(changed);
    return status;
}

static void means(rk_memorization *m)
{
    rk_moments mem[2] = {{0}}, score[2] = {{0}}, all[2] = {{0}};
    for (uint32_t i = 0; i < m->examples; i++) {
        const rk_memory *x = &m->memory[i];
        int changed = x->label != x->true_label;
        if (!isnan(x->mem)) rk_moments_add(&mem[changed], x->mem);
        if (!isnan(x->mem)) rk_moments_add(&all[0], x->mem);
        if (!isnan(x->c_score)) rk_moments_add(&score[changed], x->c_score);
        if (!isnan(x->c_score)) rk_moments_add(&all[1], x->c_score);
    }
    m->mean = rk_moments_mean(&all[0]);
    m->c_mean = rk_moments_mean(&all[1]);
    m->of_clean = rk_moments_mean(&mem[0]);
    m->of_changed = rk_moments_mean(&mem[1]);
    m->c_of_clean = rk_moments_mean(&score[0]);
    m->c_of_changed = rk_moments_mean(&score[1]);
}

/* ---- influences ------------------------------------------------------------------------------ */

/* Falling; of equal ones those of earlier examples first. */
static int by_value(const void *a, const void *b)
{
    const rk_influence *x = a, *y = b;
    if (x->value > y->value || x->value < y->value) return x->value > y->value ? -1 : 1;
    if (x->train != y->train) return x->train < y->train ? -1 : 1;
    return (x->test > y->test) - (x->test < y->test);
}

/* The worst of those that are kept is at the root of a heap, and makes place for a better one. */
static void sink(rk_influence *heap, uint32_t n, rk_influence x)
{
    uint32_t at = 0;
    for (uint32_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && by_value(&heap[child + 1], &heap[child]) > 0) child++;
        if (by_value(&heap[child], &x) <= 0) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = x;
}

static void rise(rk_influence *heap, uint32_t at)
{
    rk_influence x = heap[at];
    for (; at && by_value(&x, &heap[(at - 1) / 2]) > 0; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = x;
}

static void offer(rk_memorization *m, uint32_t top, rk_influence x)
{
    if (m->n_pairs < top) {
        m->pair[m->n_pairs] = x;
        rise(m->pair, m->n_pairs++);
    } else if (by_value(&x, &m->pair[0]) < 0) {
        sink(m->pair, top, x);
    }
}

static rk_status find_pairs(counter *c, uint32_t top)
{
    rk_memorization *m = c->out;
    if (top == 0) return RK_OK;
    m->pair = calloc(top, sizeof *m->pair);
    uint32_t *right = calloc(m->tests + (size_t)1, sizeof *right);
    if (!m->pair || !right) {
        free(right);
        return no_memory(c);
    }
    for (uint32_t j = 0; j < m->tests; j++)
        right[j] = common(set_of(&c->right, j), set_of(&c->right, j), c->right.words);
    for (uint32_t i = 0; i < m->examples; i++) {
        const rk_memory *x = &m->memory[i];
        for (uint32_t j = 0; x->in && x->out && j < m->tests; j++) {
            uint32_t both = common(set_of(&c->in, i), set_of(&c->right, j), c->in.words);
            double value = (double)both / x->in - (double)(right[j] - both) / x->out;
            offer(m, top, (rk_influence){i, j, x->example, c->test[j], value});
        }
    }
    free(right);
    qsort(m->pair, m->n_pairs, sizeof *m->pair, by_value);
    return RK_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static rk_status check_held(const counter *c)
{
    for (uint32_t i = 0; i < c->out->examples; i++)
        if (c->out->memory[i].out) return RK_OK;
    return RK_FAIL(c->e, RK_E_INVALID,
                   "none of these runs held out examples: train them with --hold-out 0.3");
}

rk_status rk_results_memorization(rk_results *r, const int64_t *ids, uint32_t n, uint32_t top,
                                  rk_memorization *out, rk_error *e)
{
    counter c = {.out = out, .n_runs = n, .e = e};
    rk_status status = RK_OK;
    *out = (rk_memorization){0};
    if (n < 2) return RK_FAIL(e, RK_E_INVALID, "memorization takes two runs or more, not %u", n);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        status = rk_results_check_same(r, ids[0], ids[i], e);
        if (status == RK_OK) status = add_run(&c, r, ids[i]);
    }
    if (status == RK_OK) status = check_held(&c);
    if (status == RK_OK) {
        estimate(&c);
        means(out);
        status = area(&c, 1, &out->auc);
    }
    if (status == RK_OK) status = area(&c, -1, &out->c_auc);
    if (status == RK_OK) status = find_pairs(&c, top);
    free(c.in.bits);
    free(c.right.bits);
    free(c.in_right);
    free(c.out_right);
    free(c.test);
    if (status != RK_OK) rk_memorization_free(out);
    return status;
}

void rk_memorization_free(rk_memorization *m)
{
    free(m->memory);
    free(m->pair);
    *m = (rk_memorization){0};
}
