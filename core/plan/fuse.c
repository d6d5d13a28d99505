/* Which nodes become one step.
 *
 * First, along operands: an elementwise node joins the unit of an operand that it reads element by
 * element, kernels before others.  Then, value by value: would it be cheaper to compute it again in
 * the programs that read it than to store it?  That moves chains into the REDUCEs they feed.  Last,
 * REDUCEs of one shape over common operands share a pass.  A union must be one program
 * (rk_emit_unit), and no path may lead from one part to the other through a third unit, or the plan
 * would have a cycle. */
#include <string.h>
#include "plan/ir.h"

/* ---- questions ---- */

static void new_walk(rk_ir *ir)
{
    if (++ir->now == 0) {
        memset(ir->stamp, 0, 2 * ir->n * sizeof *ir->stamp);
        ir->now = 1;
    }
}

static bool first_visit(rk_ir *ir, uint32_t place)
{
    if (ir->stamp[place] == ir->now) return false;
    ir->stamp[place] = ir->now;
    return true;
}

bool rk_ir_stored(rk_ir *ir, uint32_t node)
{
    uint32_t unit = ir->node[node].unit, depth = 0;
    if (ir->node[node].assigned) return true;
    new_walk(ir);
    ir->stack[depth++] = node;
    while (depth) {
        uint32_t v = ir->stack[--depth];
        for (uint32_t i = ir->first_user[v]; i < ir->first_user[v + 1]; i++) {
            uint32_t w = ir->user[i];
            if (ir->node[w].unit != 0 && ir->node[w].unit != unit) return true;
            if (ir->node[w].unit == 0 && first_visit(ir, w)) ir->stack[depth++] = w;
        }
    }
    return false;
}

/* Places of a walk: node v outside of units is v, unit u is n + u.  Pushes what a node reads and no
 * walk has seen; leaves lead nowhere. */
static uint32_t push_operands(rk_ir *ir, uint32_t node, uint32_t depth)
{
    for (uint32_t i = 0; i < ir->node[node].n_in; i++) {
        uint32_t in = ir->node[node].in[i].node, unit = ir->node[in].unit;
        uint32_t place = unit ? ir->n + unit : in;
        if (ir->node[in].n_in && first_visit(ir, place)) ir->stack[depth++] = place;
    }
    return depth;
}

/* Looks back from b.  An operand of b in a is no path: that edge disappears when they join.  Ids do
 * not bound the search: a unit's first member may be older than what its last member needs. */
bool rk_ir_path(rk_ir *ir, uint32_t a, uint32_t b)
{
    uint32_t depth = 0;
    new_walk(ir);
    first_visit(ir, ir->n + a);
    first_visit(ir, ir->n + b);
    for (uint32_t v = ir->unit[b].head; v; v = ir->node[v].next)
        depth = push_operands(ir, v, depth);
    while (depth) {
        uint32_t place = ir->stack[--depth], unit = place < ir->n ? 0 : place - ir->n;
        for (uint32_t v = unit ? ir->unit[unit].head : place; v; v = unit ? ir->node[v].next : 0) {
            for (uint32_t i = 0; i < ir->node[v].n_in; i++)
                if (ir->node[ir->node[v].in[i].node].unit == a) return true;
            depth = push_operands(ir, v, depth);
        }
    }
    return false;
}

/* ---- joining two units ---- */

static bool anchors_agree(const rk_ir *ir, uint32_t a, uint32_t b)
{
    uint32_t x = ir->unit[a].anchor, y = ir->unit[b].anchor;
    if (!x || !y) return true;
    return ir->node[x].kernel == RK_REDUCE && ir->node[y].kernel == RK_REDUCE &&
           memcmp(ir->node[x].p, ir->node[y].p, sizeof ir->node[x].p) == 0;
}

/* All members of b become a's, in ascending order. */
static void splice(rk_ir *ir, uint32_t a, uint32_t b)
{
    uint32_t x = ir->unit[a].head, y = ir->unit[b].head, *link = &ir->unit[a].head;
    rk_unit *ua = &ir->unit[a], *ub = &ir->unit[b];
    for (uint32_t v = y; v; v = ir->node[v].next) ir->node[v].unit = a;
    while (x || y) {
        uint32_t *from = !y || (x && x < y) ? &x : &y, v = *from;
        *link = v;
        link = &ir->node[v].next;
        *from = ir->node[v].next;
    }
    *link = 0;
    if (ub->max > ua->max) ua->max = ub->max;
    if (!ua->anchor || (ub->anchor && ub->anchor < ua->anchor)) ua->anchor = ub->anchor;
    ub->head = 0;
}

static uint32_t list_members(const rk_ir *ir, uint32_t unit, uint32_t *list)
{
    uint32_t n = 0;
    for (uint32_t v = ir->unit[unit].head; v; v = ir->node[v].next) list[n++] = v;
    return n;
}

static void set_members(rk_ir *ir, uint32_t unit, rk_unit was, const uint32_t *list, uint32_t n)
{
    ir->unit[unit] = was;
    for (uint32_t i = 0; i < n; i++) {
        ir->node[list[i]].unit = unit;
        ir->node[list[i]].next = i + 1 < n ? list[i + 1] : 0;
    }
}

typedef struct fuser {
    rk_ir *ir;
    rk_emit *x;
    uint32_t *list_a, *list_b; /* [n] each */
} fuser;

static int64_t cost_of(fuser *f, uint32_t unit)
{
    return rk_emit_unit(f->x, f->ir, unit) ? rk_emit_cost(f->x) : INT64_MAX;
}

/* Joins b into a if they may be one step and, if asked, one that is cheaper than the two. */
static bool join(fuser *f, uint32_t a, uint32_t b, bool if_cheaper)
{
    rk_ir *ir = f->ir;
    if (a == b || !a || !b || !rk_unit_programmable(ir, a) || !rk_unit_programmable(ir, b))
        return false;
    if (!anchors_agree(ir, a, b) || ir->node[ir->unit[a].head].n != ir->node[ir->unit[b].head].n)
        return false;
    if (rk_ir_path(ir, a, b) || rk_ir_path(ir, b, a)) return false;
    int64_t before = if_cheaper ? cost_of(f, a) + cost_of(f, b) : INT64_MAX;
    rk_unit was_a = ir->unit[a], was_b = ir->unit[b];
    uint32_t n_a = list_members(ir, a, f->list_a), n_b = list_members(ir, b, f->list_b);
    splice(ir, a, b);
    int64_t after = cost_of(f, a);
    if (after < before) return true;
    set_members(ir, a, was_a, f->list_a, n_a);
    set_members(ir, b, was_b, f->list_b, n_b);
    return false;
}

/* ---- pass 1: along operands ---- */

static void join_operands(fuser *f, uint32_t v)
{
    rk_ir *ir = f->ir;
    for (int kernels = 1; kernels >= 0; kernels--)
        for (uint32_t i = 0; i < ir->node[v].n_in; i++) {
            const rk_xuse *in = &ir->node[v].in[i];
            uint32_t unit = ir->node[in->node].unit;
            if (!rk_pattern_is_whole(&in->at) || ir->node[in->node].n != ir->node[v].n) continue;
            if (unit && (ir->unit[unit].anchor != 0) == kernels)
                join(f, unit, ir->node[v].unit, false);
        }
}

/* ---- pass 2: computing again ---- */

/* The units that read a value, through nodes outside of units too; 0 if a kernel wants it in
 * memory, or they are too many to bother. */
static uint32_t readers(fuser *f, uint32_t node, uint32_t *unit, uint32_t cap)
{
    rk_ir *ir = f->ir;
    uint32_t depth = 0, n = 0;
    new_walk(ir);
    ir->stack[depth++] = node;
    while (depth) {
        uint32_t v = ir->stack[--depth];
        for (uint32_t i = ir->first_user[v]; i < ir->first_user[v + 1]; i++) {
            uint32_t w = ir->user[i], u = ir->node[w].unit;
            if (ir->node[w].kind == RK_X_KERNEL && ir->node[w].kernel != RK_REDUCE) return 0;
            if (!first_visit(ir, u ? ir->n + u : w)) continue;
            if (!u) ir->stack[depth++] = w;
            if (u && n == cap) return 0;
            if (u) unit[n++] = u;
        }
    }
    return n;
}

static void leave_unit(rk_ir *ir, uint32_t v)
{
    uint32_t unit = ir->node[v].unit, *link = &ir->unit[unit].head;
    ir->unit[unit].max = 0;
    while (*link) {
        if (*link == v) {
            *link = ir->node[v].next;
            continue;
        }
        ir->unit[unit].max = *link;
        link = &ir->node[*link].next;
    }
    ir->node[v].unit = 0;
}

static int64_t total_cost(fuser *f, const uint32_t *unit, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!f->ir->unit[unit[i]].head) continue;
        int64_t cost = cost_of(f, unit[i]);
        if (cost == INT64_MAX) return INT64_MAX;
        sum += cost;
    }
    return sum;
}

enum { READERS = 12 };

/* True if the value is not stored any more. */
static bool try_again_instead(fuser *f, uint32_t v)
{
    rk_ir *ir = f->ir;
    uint32_t unit = ir->node[v].unit, list[READERS + 1];
    if (ir->node[v].kind != RK_X_MAP || ir->node[v].assigned || !rk_ir_stored(ir, v)) return false;
    uint32_t n = readers(f, v, list, READERS);
    if (!n) return false;
    bool listed = false;
    for (uint32_t i = 0; i < n; i++) listed |= list[i] == unit;
    if (!listed) list[n++] = unit;
    int64_t before = total_cost(f, list, n);
    rk_unit was = ir->unit[unit];
    uint32_t members = list_members(ir, unit, f->list_a);
    leave_unit(ir, v);
    if (total_cost(f, list, n) < before) return true;
    set_members(ir, unit, was, f->list_a, members);
    return false;
}

/* The units that read any member of a unit, itself first; 0 if it has to stay. */
static uint32_t readers_of_unit(fuser *f, uint32_t unit, uint32_t *list)
{
    rk_ir *ir = f->ir;
    uint32_t n = 1, some[READERS];
    list[0] = unit;
    for (uint32_t v = ir->unit[unit].head; v; v = ir->node[v].next) {
        if (!rk_ir_stored(ir, v)) continue;
        uint32_t m = ir->node[v].assigned ? 0 : readers(f, v, some, READERS);
        if (!m) return 0;
        for (uint32_t i = 0; i < m; i++) {
            uint32_t at = 0;
            while (at < n && list[at] != some[i]) at++;
            if (at == n && n == READERS) return 0;
            if (at == n) list[n++] = some[i];
        }
    }
    return n;
}

/* All values of an elementwise unit at once: its launch goes too. */
static bool try_without(fuser *f, uint32_t unit)
{
    rk_ir *ir = f->ir;
    uint32_t list[READERS], n = 0;
    if (ir->unit[unit].head && !ir->unit[unit].anchor) n = readers_of_unit(f, unit, list);
    if (n < 2) return false;
    int64_t before = total_cost(f, list, n);
    rk_unit was = ir->unit[unit];
    uint32_t members = list_members(ir, unit, f->list_a);
    for (uint32_t i = 0; i < members; i++) ir->node[f->list_a[i]].unit = 0;
    ir->unit[unit].head = 0;
    if (total_cost(f, list + 1, n - 1) < before) return true;
    set_members(ir, unit, was, f->list_a, members);
    return false;
}

/* Until nothing gets cheaper: a value that is computed elsewhere makes its operands stored ones. */
static void compute_again(fuser *f)
{
    bool changed = true;
    for (int round = 0; round < 8 && changed; round++) {
        changed = false;
        for (uint32_t v = 1; v < f->ir->n; v++)
            if (f->ir->node[v].unit) changed |= try_again_instead(f, v);
        for (uint32_t u = 1; u < f->ir->n; u++) changed |= try_without(f, u);
    }
}

/* ---- pass 3: one pass for several reductions, one launch for small things ---- */

/* Bytes of the program inputs that two units have in common; *least is the cheaper one's cost
 * without the launch, INT64_MAX if one is no program. */
static int64_t common_bytes(fuser *f, uint32_t a, uint32_t b, int64_t *least, int64_t *most)
{
    const rk_ir *ir = f->ir;
    int64_t x = cost_of(f, a), bytes = 0;
    uint32_t n = x == INT64_MAX ? 0 : f->x->n_in;
    for (uint32_t i = 0; i < n; i++) f->list_a[i] = f->x->in[i].node;
    int64_t y = cost_of(f, b);
    for (uint32_t j = 0; y != INT64_MAX && j < f->x->n_in; j++)
        for (uint32_t i = 0; i < n; i++)
            if (f->list_a[i] == f->x->in[j].node) {
                const rk_xnode *in = &ir->node[f->list_a[i]];
                bytes += in->n * rk_dtype_bytes(in->dtype);
            }
    *least = x < y ? x : y;
    *most = x < y ? y : x;
    return bytes;
}

/* A launch is saved by any union, but values live longer in it: they must share reads, or be so
 * small that this does not matter.  What is no part of a kernel's work, but has as many elements as
 * its result, must be smaller still. */
static bool worth_joining(fuser *f, uint32_t a, uint32_t b)
{
    enum { SMALL = 2 * 1048576, SMALLER = 65536 };
    int64_t least, most, bytes = common_bytes(f, a, b, &least, &most);
    if (most == INT64_MAX) return false;
    bool kernels = f->ir->unit[a].anchor != f->ir->unit[b].anchor &&
                   (!f->ir->unit[a].anchor || !f->ir->unit[b].anchor);
    if (most < RK_LAUNCH_COST + (kernels ? SMALLER : SMALL)) return true;
    return !kernels && 4 * bytes >= least - RK_LAUNCH_COST;
}

static void join_siblings(fuser *f)
{
    rk_ir *ir = f->ir;
    for (uint32_t a = 1; a < ir->n; a++) {
        for (uint32_t b = a + 1; b < ir->n && ir->unit[a].head; b++) {
            if (!ir->unit[b].head || !rk_unit_programmable(ir, b) || !anchors_agree(ir, a, b))
                continue;
            if (ir->node[ir->unit[a].head].n != ir->node[ir->unit[b].head].n) continue;
            if (worth_joining(f, a, b)) join(f, a, b, true);
        }
    }
}

bool rk_fuse(rk_ir *ir, rk_emit *scratch)
{
    /* A program may read one node in several ways. */
    const uint32_t most = ir->n + RK_PROGRAM_TENSORS;
    fuser f = {ir, scratch, rk_pool_array(ir->pool, most, sizeof *f.list_a),
               rk_pool_array(ir->pool, most, sizeof *f.list_b)};
    if (!f.list_a || !f.list_b) return false;
    for (uint32_t v = 1; v < ir->n; v++)
        if (ir->node[v].kind == RK_X_MAP) join_operands(&f, v);
    compute_again(&f);
    join_siblings(&f);
    return true;
}
