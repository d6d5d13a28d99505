/* The order of units, and where assigned states are written.
 *
 * A unit comes after those whose values it reads.  A state is written where its new value is
 * computed if that unit may come after all others that read the old one (anti-dependencies), and
 * itself reads it at most element by element.  Else the value goes to a temporary, and a COPY job
 * moves it when all readers are done. */
#include <stdlib.h>
#include <string.h>
#include "plan/ir.h"

typedef struct edge {
    uint32_t to, next; /* edge numbers, 0 ends */
} edge;

/* Jobs are numbered from 1: those of units first, then copies into states. */
typedef struct job {
    uint32_t unit;         /* or 0: */
    uint32_t assign;       /* a copy, number in ir->assign */
    uint32_t edges, waits; /* first edge; how many jobs must come before */
    bool once;             /* it needs nothing but constants */
    uint32_t *read, n_read;
} job;

typedef struct orderer {
    rk_ir *ir;
    rk_plan *plan;
    rk_emit *x;
    job *job;
    uint32_t n_job;
    edge *edge;
    uint32_t n_edge, cap_edge;
    uint32_t *job_of; /* unit -> job */
    rk_error *e;
} orderer;

static rk_status no_memory(orderer *o) { return RK_FAIL(o->e, RK_E_NOMEM, "no memory for a plan"); }

static rk_status connect(orderer *o, uint32_t from, uint32_t to)
{
    if (o->n_edge == o->cap_edge) {
        uint32_t cap = 2 * o->cap_edge + 256;
        edge *grown = rk_pool_array(o->ir->pool, cap, sizeof *grown);
        if (!grown) return no_memory(o);
        if (o->edge) memcpy(grown, o->edge, o->n_edge * sizeof *grown);
        o->edge = grown;
        o->cap_edge = cap;
    }
    if (o->n_edge == 0) o->n_edge = 1; /* 0 ends a list */
    o->edge[o->n_edge] = (edge){to, o->job[from].edges};
    o->job[from].edges = o->n_edge++;
    o->job[to].waits++;
    return RK_OK;
}

/* ---- what units read ---- */

/* The node whose memory an operand of a kernel is read from. */
static uint32_t memory_of(const rk_ir *ir, uint32_t operand)
{
    return ir->node[operand].joined ? ir->node[operand].joined : operand;
}

static rk_status note_reads(orderer *o, uint32_t j)
{
    rk_ir *ir = o->ir;
    uint32_t unit = o->job[j].unit, anchor = ir->unit[unit].anchor, n = 0;
    bool program = rk_unit_programmable(ir, unit);
    const rk_xnode *k =
        anchor && !(program && ir->node[anchor].kernel == RK_REDUCE) ? &ir->node[anchor] : NULL;
    if (program && !rk_emit_unit(o->x, ir, unit))
        return RK_FAIL(o->e, RK_E_INTERNAL, "a fused step is no program; please report this");
    uint32_t most = (k ? k->n_in : 0) + (program ? o->x->n_in : 0);
    uint32_t *read = rk_pool_array(ir->pool, most, sizeof *read);
    if (!read) return no_memory(o);
    for (uint32_t i = 0; k && i < k->n_in; i++) read[n++] = memory_of(ir, k->in[i].node);
    for (uint32_t i = 0; program && i < o->x->n_in; i++) read[n++] = o->x->in[i].node;
    o->job[j].read = read;
    o->job[j].n_read = n;
    return RK_OK;
}

static rk_status make_jobs(orderer *o)
{
    rk_ir *ir = o->ir;
    o->job = rk_pool_array(ir->pool, (size_t)ir->n + ir->n_assign + 1, sizeof *o->job);
    o->job_of = rk_pool_array(ir->pool, ir->n, sizeof *o->job_of);
    if (!o->job || !o->job_of) return no_memory(o);
    for (uint32_t u = 1; u < ir->n; u++) {
        if (!ir->unit[u].head) continue;
        o->job[++o->n_job].unit = u;
        o->job_of[u] = o->n_job;
        RK_TRY(note_reads(o, o->n_job));
    }
    for (uint32_t j = 1; j <= o->n_job; j++)
        for (uint32_t i = 0; i < o->job[j].n_read; i++) {
            uint32_t unit = ir->node[o->job[j].read[i]].unit;
            if (unit && unit != o->job[j].unit) RK_TRY(connect(o, o->job_of[unit], j));
        }
    return RK_OK;
}

/* ---- constants ---- */

/* Whether a job has the same result in every run: small enough to be kept. */
static bool runs_once(const orderer *o, uint32_t j)
{
    enum { MOST = 65536 };
    const rk_ir *ir = o->ir;
    const job *x = &o->job[j];
    for (uint32_t i = 0; i < x->n_read; i++) {
        uint32_t unit = ir->node[x->read[i]].unit;
        if (!unit || !o->job[o->job_of[unit]].once) return false;
    }
    for (uint32_t v = ir->unit[x->unit].head; v; v = ir->node[v].next)
        if (ir->node[v].assigned || ir->node[v].n > MOST) return false;
    return true;
}

/* Jobs without what must come before; a chain of them takes as many rounds as it is long. */
static void find_constants(orderer *o)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t j = 1; j <= o->n_job; j++)
            if (!o->job[j].once && runs_once(o, j)) o->job[j].once = changed = true;
    }
}

/* ---- assigned states ---- */

static bool reads(const orderer *o, uint32_t j, uint32_t node)
{
    for (uint32_t i = 0; i < o->job[j].n_read; i++)
        if (o->job[j].read[i] == node) return true;
    return false;
}

/* Whether a unit that writes a state's new value reads the old one elsewhere than at the element it
 * writes. */
static bool reads_otherwise(orderer *o, uint32_t j, uint32_t state)
{
    rk_ir *ir = o->ir;
    uint32_t unit = o->job[j].unit, anchor = ir->unit[unit].anchor;
    if (!reads(o, j, state)) return false;
    if (!rk_unit_programmable(ir, unit) || !rk_emit_unit(o->x, ir, unit)) return true;
    const rk_emit *x = o->x;
    bool reduces = anchor && ir->node[anchor].kernel == RK_REDUCE;
    for (uint32_t i = 0; anchor && !reduces && i < ir->node[anchor].n_in; i++)
        if (memory_of(ir, ir->node[anchor].in[i].node) == state) return true;
    for (uint32_t i = 0; i < x->n_in; i++)
        if (x->in[i].node == state && !rk_emit_same(x, i)) return true;
    return false;
}

/* Does a path lead from job a to any other that reads the state? */
static bool readers_follow(orderer *o, uint32_t a, uint32_t state)
{
    rk_ir *ir = o->ir;
    uint32_t depth = 0;
    uint32_t *stack = ir->stack, *seen = ir->stamp;
    memset(seen, 0, 2 * ir->n * sizeof *seen);
    stack[depth++] = a;
    while (depth) {
        uint32_t j = stack[--depth];
        for (uint32_t i = o->job[j].edges; i; i = o->edge[i].next) {
            uint32_t to = o->edge[i].to;
            if (seen[to]) continue;
            seen[to] = 1;
            if (reads(o, to, state)) return true;
            stack[depth++] = to;
        }
    }
    return false;
}

static rk_status after_readers(orderer *o, uint32_t j, uint32_t state)
{
    for (uint32_t i = 1; i <= o->n_job; i++)
        if (i != j && reads(o, i, state)) RK_TRY(connect(o, i, j));
    return RK_OK;
}

static rk_status place_assign(orderer *o, uint32_t a)
{
    rk_ir *ir = o->ir;
    uint32_t state = ir->assign[a].state, value = ir->assign[a].value;
    uint32_t j = o->job_of[ir->node[value].unit];
    if (!reads_otherwise(o, j, state) && !readers_follow(o, j, state)) {
        ir->node[value].buffer = ir->node[state].buffer;
        return after_readers(o, j, state);
    }
    o->job[++o->n_job].assign = a + 1;
    RK_TRY(connect(o, j, o->n_job));
    return after_readers(o, o->n_job, state);
}

/* ---- parts of joined values ---- */

/* A part is written where it is joined if both are computed equally often.  A state keeps its old
 * value until all have read it, which only the joining waits for. */
static void write_parts(orderer *o)
{
    rk_ir *ir = o->ir;
    for (uint32_t v = 1; v < ir->n; v++)
        for (uint32_t i = 0; ir->node[v].unit && i < ir->node[v].n_in; i++) {
            uint32_t unit = ir->node[ir->node[v].in[i].node].unit;
            bool once = o->job[o->job_of[ir->node[v].unit]].once;
            if (unit && o->job[o->job_of[unit]].once == once) rk_ir_write_part(ir, v, i);
        }
}

/* ---- the order ---- */

/* Always the ready job of the least key; constants before all others. */
static rk_status sort_jobs(orderer *o, const uint32_t *key, uint32_t *order)
{
    uint32_t *waits = rk_pool_array(o->ir->pool, (size_t)o->n_job + 1, sizeof *waits);
    if (!waits) return no_memory(o);
    for (uint32_t j = 1; j <= o->n_job; j++) waits[j] = o->job[j].waits;
    for (uint32_t n = 0; n < o->n_job; n++) {
        uint32_t best = 0;
        for (uint32_t j = 1; j <= o->n_job; j++)
            if (waits[j] == 0 && (!best || o->job[j].once > o->job[best].once ||
                                  (o->job[j].once == o->job[best].once && key[j] < key[best])))
                best = j;
        if (!best) return RK_FAIL(o->e, RK_E_INTERNAL, "a plan has a cycle; please report this");
        waits[best] = UINT32_MAX;
        order[n] = best;
        for (uint32_t i = o->job[best].edges; i; i = o->edge[i].next) waits[o->edge[i].to]--;
    }
    return RK_OK;
}

/* Bytes of a value but for the parts of it that are there already. */
static uint64_t new_bytes(const rk_ir *ir, uint32_t v)
{
    const rk_xnode *x = &ir->node[v];
    int64_t n = x->n;
    for (uint32_t i = 0; i < x->n_in; i++)
        if (ir->node[x->in[i].node].joined == v) n -= ir->node[x->in[i].node].n;
    return (uint64_t)n * rk_dtype_bytes(x->dtype);
}

/* Bytes of the temporary values that are alive at once, at most, if jobs run in this order. */
static rk_status peak_of(orderer *o, const uint32_t *order, uint64_t *peak)
{
    rk_ir *ir = o->ir;
    uint32_t *last = rk_pool_array(ir->pool, ir->n, sizeof *last);
    uint64_t live = 0;
    if (!last) return no_memory(o);
    *peak = 0;
    for (uint32_t n = 0; n < o->n_job; n++)
        for (uint32_t i = 0; i < o->job[order[n]].n_read; i++) last[o->job[order[n]].read[i]] = n;
    for (uint32_t n = 0; n < o->n_job; n++) {
        const job *j = &o->job[order[n]];
        for (uint32_t v = j->unit ? ir->unit[j->unit].head : 0; v; v = ir->node[v].next)
            if (last[v] && !ir->node[v].buffer) live += new_bytes(ir, v);
        if (live > *peak) *peak = live;
        for (uint32_t i = 0; i < j->n_read; i++) {
            uint32_t v = j->read[i];
            if (last[v] != n || !ir->node[v].unit || ir->node[v].buffer || ir->node[v].joined)
                continue;
            live -= (uint64_t)ir->node[v].n * rk_dtype_bytes(ir->node[v].dtype);
            last[v] = UINT32_MAX; /* read twice by one job, freed once */
        }
    }
    return RK_OK;
}

/* Two orders are tried: as early, and as late, as the graph's own order has them. */
static rk_status best_order(orderer *o, uint32_t *order)
{
    rk_ir *ir = o->ir;
    uint32_t *key = rk_pool_array(ir->pool, (size_t)o->n_job + 1, sizeof *key);
    uint32_t *other = rk_pool_array(ir->pool, (size_t)o->n_job + 1, sizeof *other);
    uint64_t early, late;
    if (!key || !other) return no_memory(o);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t j = 1; j <= o->n_job; j++) {
            const rk_unit *u = &ir->unit[o->job[j].unit];
            key[j] = o->job[j].assign ? 0 : pass ? u->max : u->anchor ? u->anchor : u->head;
        }
        RK_TRY(sort_jobs(o, key, pass ? other : order));
    }
    RK_TRY(peak_of(o, order, &early));
    RK_TRY(peak_of(o, other, &late));
    if (late < early) memcpy(order, other, o->n_job * sizeof *order);
    return RK_OK;
}

/* ---- buffers and steps ---- */

static rk_status give_buffers(orderer *o)
{
    rk_ir *ir = o->ir;
    for (uint32_t v = 1; v < ir->n; v++) {
        rk_xnode *x = &ir->node[v];
        if (!x->unit || x->buffer || x->joined || !rk_ir_stored(ir, v)) continue;
        x->buffer = rk_plan_temp(o->plan, x->dtype, &x->shape);
        if (!x->buffer) return no_memory(o);
        if (o->job[o->job_of[x->unit]].once) o->plan->buffer[x->buffer].kind = RK_BUFFER_ONCE;
    }
    for (uint32_t v = 1; v < ir->n; v++)
        if (ir->node[v].joined) ir->node[v].buffer = ir->node[ir->node[v].joined].buffer;
    return RK_OK;
}

static rk_status lower_copy(orderer *o, const rk_xassign *a)
{
    const rk_xnode *state = &o->ir->node[a->state], *value = &o->ir->node[a->value];
    if (state->n == 0) return RK_OK;
    return rk_plan_copy(o->plan, o->plan->n_step, value->buffer, state->buffer, o->e);
}

rk_status rk_order(rk_ir *ir, rk_plan *plan, rk_emit *scratch, rk_error *e)
{
    orderer o = {.ir = ir, .plan = plan, .x = scratch, .e = e};
    rk_ir_read_parts(ir);
    RK_TRY(make_jobs(&o));
    find_constants(&o);
    for (uint32_t a = 0; a < ir->n_assign; a++) RK_TRY(place_assign(&o, a));
    write_parts(&o);
    uint32_t *order = rk_pool_array(ir->pool, (size_t)o.n_job + 1, sizeof *order);
    if (!order) return no_memory(&o);
    RK_TRY(best_order(&o, order));
    RK_TRY(give_buffers(&o));
    for (uint32_t n = 0; n < o.n_job; n++) {
        const job *j = &o.job[order[n]];
        if (j->assign)
            RK_TRY(lower_copy(&o, &ir->assign[j->assign - 1]));
        else
            RK_TRY(rk_lower_unit(ir, plan, j->unit, scratch, e));
        if (j->once) plan->n_once = plan->n_step;
    }
    return RK_OK;
}
