#include "device/helpers.h"
#include "base/os.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    MOST = 7,
    WORTH = 12,         /* programs that take well longer than a helper's own start */
    KEY = RK_NOTE_BYTES /* hexadecimal digits */
};
#define PATIENCE_NS 5e9 /* at the end: one program takes less */

typedef struct helper {
    pid_t pid;
    int notes;
    bool told; /* to end */
} helper;

struct rk_helpers {
    rk_help how;
    helper one[MOST];
    uint32_t n;
    char (*key)[KEY]; /* of programs that helpers have compiled and nobody got */
    uint32_t n_key, cap_key;
};

rk_status rk_hub_help(rk_hub *hub, const rk_help *how, rk_error *e)
{
    if (!hub->helpers) hub->helpers = calloc(1, sizeof *hub->helpers);
    if (!hub->helpers) return RK_FAIL(e, RK_E_NOMEM, "no memory for the helpers of a hub");
    hub->helpers->how = *how;
    return RK_OK;
}

/* ---- what they say ---- */

/* A key that is lost for want of memory counts as one from the cache. */
static void keep(rk_helpers *h, const char key[KEY])
{
    if (h->n_key == h->cap_key) {
        uint32_t cap = h->cap_key * 2 + 32;
        void *longer = realloc(h->key, (size_t)cap * KEY);
        if (!longer) return;
        h->key = longer;
        h->cap_key = cap;
    }
    memcpy(h->key[h->n_key++], key, KEY);
}

/* Notes are written whole, and all are equally long. */
static void hear(rk_helpers *h, const helper *x)
{
    char notes[64][KEY];
    for (ssize_t n = 0; (n = read(x->notes, notes, sizeof notes)) > 0;)
        for (ssize_t i = 0; i < n / KEY; i++) keep(h, notes[i]);
}

bool rk_helpers_made(rk_helpers *h, const void *key, size_t key_bytes)
{
    char digest[33];
    if (!h || (!h->n && !h->n_key)) return false;
    rk_digest_hex(key, key_bytes, digest);
    for (uint32_t i = 0; i < h->n; i++) hear(h, &h->one[i]);
    for (uint32_t i = 0; i < h->n_key; i++) {
        if (memcmp(h->key[i], digest, KEY) != 0) continue;
        memcpy(h->key[i], h->key[--h->n_key], KEY);
        return true;
    }
    return false;
}

/* Of one that has ended and was waited for. */
static void forget(rk_helpers *h, uint32_t i)
{
    hear(h, &h->one[i]);
    close(h->one[i].notes);
    if (h->how.ended) h->how.ended(h->how.ctx, h->one[i].pid);
    h->one[i] = h->one[--h->n];
}

/* Forgets those that have ended. */
static void reap(rk_helpers *h)
{
    for (uint32_t i = h->n; i-- > 0;) {
        if (waitpid(h->one[i].pid, NULL, WNOHANG) == 0) continue;
        forget(h, i);
    }
}

/* ---- starting them ---- */

/* What a program is written from, as far as one can tell without asking a backend. */
static uint64_t signature(const rk_op *op)
{
    const int64_t *p = op->p;
    int64_t form[8] = {op->kind, p[0]};
    switch (op->kind) {
    case RK_REDUCE: form[2] = p[3] == 1; break;
    case RK_MATMUL: memcpy(form + 1, p + 4, 2 * sizeof *p); break;
    case RK_CONV: memcpy(form + 2, p + 6, 6 * sizeof *p); break;
    case RK_WINDOW: memcpy(form + 2, p + 4, 6 * sizeof *p); break;
    default: form[1] = 0;
    }
    return XXH3_64bits_withSeed(op->code, op->n_code * sizeof *op->code,
                                XXH3_64bits(form, sizeof form));
}

static bool is_in(const rk_plan *plan, uint32_t from, uint32_t to, uint64_t x)
{
    for (uint32_t i = from; i < to; i++)
        if (signature(&plan->step[i].op) == x) return true;
    return false;
}

/* How many programs the steps from here on may need that no plan before had, up to enough. */
static uint32_t count_new(const rk_program *p, uint32_t from)
{
    const rk_session *s = p->session;
    uint32_t n = 0;
    for (uint32_t i = from; i < p->plan->n_step && n < WORTH; i++) {
        uint64_t x = signature(&p->plan->step[i].op);
        bool known = is_in(p->plan, from, i, x);
        for (uint32_t k = 0; k < s->n_program && !known; k++)
            known = is_in(s->program[k]->plan, 0, s->program[k]->plan->n_step, x);
        n += !known;
    }
    return n;
}

/* How many to start for the steps from here on. */
static uint32_t count_wanted(const rk_program *p, uint32_t from)
{
    const char *own = getenv("RETHINK_HELPERS");
    const rk_host *host = &p->session->loaded->host;
    const char *threads = host->option(host->ctx, "threads");
    uint64_t n = 0, limit = 0;
    cpu_set_t set;
    if (own && rk_parse_u64(own, &n)) return n < MOST ? (uint32_t)n : MOST;
    if (count_new(p, from) < WORTH) return 0;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    n = (uint64_t)CPU_COUNT(&set);
    if (threads && rk_parse_u64(threads, &limit) && limit && limit < n) n = limit;
    return n - 1 < MOST ? (uint32_t)n - 1 : MOST;
}

/* Every n-th step from the end on.  Not products that a library may do: its programs are in no
 * cache of ours, and it is tried out before it is used. */
static json_t *list_ops(const rk_program *p, uint32_t from, uint32_t which, uint32_t n)
{
    json_t *list = json_array();
    bool exact = p->session->options.numerics == RK_NUMERICS_EXACT;
    for (uint32_t i = p->plan->n_step - 1 - which; list && i >= from && i < p->plan->n_step;
         i -= n) {
        rk_op op = p->plan->step[i].op;
        op.flags = exact ? 0 : RK_OP_FAST;
        if (!exact && op.kind == RK_MATMUL) continue;
        if (json_array_append_new(list, rk_op_json(&op)) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *list_options(const rk_hub *hub)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < 2 * hub->n_options; i++)
        json_array_append_new(list, json_string(hub->options[i]));
    return list;
}

static void start_one(rk_helpers *h, const rk_program *p, uint32_t from, uint32_t which, uint32_t n)
{
    const rk_session *s = p->session;
    int64_t pid = 0;
    int notes = -1;
    json_t *order = json_pack("{s:I, s:s, s:s, s:b, s:o, s:o}", "parent", (json_int_t)getpid(),
                              "backend", s->loaded->path, "device", s->entry->spec, "exact",
                              (int)(s->options.numerics == RK_NUMERICS_EXACT), "options",
                              list_options(s->hub), "ops", list_ops(p, from, which, n));
    char *text = order ? json_dumps(order, JSON_COMPACT) : NULL;
    if (text && h->how.start(h->how.ctx, text, &pid, &notes))
        h->one[h->n++] = (helper){(pid_t)pid, notes, false};
    free(text);
    json_decref(order);
}

void rk_helpers_step(rk_program *p, uint32_t step)
{
    rk_helpers *h = p->session->hub->helpers;
    uint32_t compiled = p->session->loaded->compiled;
    if (!h) return;
    if (h->how.progress)
        h->how.progress(h->how.ctx, step, p->plan->n_step, compiled - p->session->ready.compiled);
    /* Of the first plan all that opening the device has compiled speaks for empty caches. */
    if (step == 0) p->compiled = p->session->n_program ? compiled : p->session->ready.compiled;
    if (!h->how.start || p->helped || compiled == p->compiled) return;
    p->helped = true;
    reap(h);
    uint32_t n = count_wanted(p, step);
    for (uint32_t i = 0, busy = h->n; i < n && busy + i < MOST; i++) start_one(h, p, step, i, n);
}

/* ---- ending them ---- */

/* They end after the program that they are at; a second signal would end them within it. */
void rk_helpers_end(rk_program *p)
{
    rk_helpers *h = p->session->hub->helpers;
    if (!h) return;
    for (uint32_t i = 0; i < h->n; i++) {
        if (!h->one[i].told) kill(h->one[i].pid, SIGTERM);
        h->one[i].told = true;
    }
    reap(h);
}

void rk_helpers_free(rk_helpers *h)
{
    if (!h) return;
    const struct timespec moment = {0, 2000000};
    uint64_t begun = rk_os_now_ns();
    for (reap(h); h->n && (double)(rk_os_now_ns() - begun) < PATIENCE_NS; reap(h))
        nanosleep(&moment, NULL);
    for (uint32_t i = h->n; i-- > 0;) {
        kill(h->one[i].pid, SIGKILL);
        waitpid(h->one[i].pid, NULL, 0);
        forget(h, i);
    }
    free(h->key);
    free(h);
}
