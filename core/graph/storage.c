/* Nodes: appended once, never changed, shared if identical. */
#include "graph/storage.h"
#include "graph/builder.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct rk_chunk {
    rk_chunk *older;
    size_t used, bytes;
    max_align_t memory[];
};

enum { CHUNK_BYTES = 1 << 14, FIRST_NODES = 64 };

rk_graph *rk_graph_new(void)
{
    rk_graph *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->entry = calloc(FIRST_NODES, sizeof *g->entry);
    g->slot = calloc(2 * FIRST_NODES, sizeof *g->slot);
    if (!g->entry || !g->slot) {
        rk_graph_free(g);
        return NULL;
    }
    g->cap = FIRST_NODES;
    g->slots = 2 * FIRST_NODES;
    g->count = 1;
    g->entry[0].node.name = "";
    g->error = rk_error_new();
    return g;
}

void rk_graph_free(rk_graph *g)
{
    if (!g) return;
    for (rk_chunk *c = g->chunk; c;) {
        rk_chunk *older = c->older;
        free(c);
        c = older;
    }
    free(g->entry);
    free(g->slot);
    free(g);
}

void *rk_graph_alloc(rk_graph *g, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (!g->chunk || g->chunk->bytes - g->chunk->used < bytes) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        rk_chunk *c = malloc(sizeof *c + room);
        if (!c) {
            rk_graph_no_memory(g, room);
            return NULL;
        }
        c->older = g->chunk;
        c->used = 0;
        c->bytes = room;
        g->chunk = c;
    }
    void *p = (char *)g->chunk->memory + g->chunk->used;
    g->chunk->used += bytes;
    return p;
}

static bool is_named(rk_opcode op) { return op == RK_OP_INPUT || op == RK_OP_STATE; }

/* Inputs and states share one space of names, so their hash is that of the name alone. */
static uint64_t hash_of(const rk_node *n)
{
    uint64_t name = XXH3_64bits(n->name, strlen(n->name));
    if (is_named(n->op)) return name;
    uint64_t head[5 + RK_MAX_RANK] = {(uint64_t)n->op, n->dtype, n->n_in, n->n_attr, n->shape.rank};
    for (uint32_t i = 0; i < n->shape.rank; i++) head[5 + i] = (uint64_t)n->shape.dim[i];
    uint64_t h = XXH3_64bits_withSeed(head, sizeof head, name);
    if (n->n_in) h = XXH3_64bits_withSeed(n->in, n->n_in * sizeof *n->in, h);
    if (n->n_attr) h = XXH3_64bits_withSeed(n->attr, n->n_attr * sizeof *n->attr, h);
    return h;
}

static bool identical(const rk_node *a, const rk_node *b)
{
    return a->op == b->op && a->dtype == b->dtype && rk_shape_same(a->shape, b->shape) &&
           a->n_in == b->n_in && a->n_attr == b->n_attr &&
           (!a->n_in || memcmp(a->in, b->in, a->n_in * sizeof *a->in) == 0) &&
           (!a->n_attr || memcmp(a->attr, b->attr, a->n_attr * sizeof *a->attr) == 0) &&
           strcmp(a->name, b->name) == 0;
}

static bool same_place(const rk_node *a, const rk_node *b)
{
    if (is_named(a->op)) return is_named(b->op) && strcmp(a->name, b->name) == 0;
    return identical(a, b);
}

static rk_value find(const rk_graph *g, const rk_node *n, uint64_t hash)
{
    uint32_t mask = g->slots - 1;
    for (uint32_t i = (uint32_t)hash & mask; g->slot[i]; i = (i + 1) & mask) {
        const rk_entry *e = &g->entry[g->slot[i]];
        if (e->hash == hash && same_place(n, &e->node)) return g->slot[i];
    }
    return 0;
}

rk_value rk_graph_find(const rk_graph *g, const char *name)
{
    rk_node n = {.op = RK_OP_STATE, .name = name};
    return find(g, &n, hash_of(&n));
}

/* An assign is never found, and so never shared. */
static void insert(uint32_t *slot, uint32_t slots, const rk_entry *e, rk_value v)
{
    uint32_t i = (uint32_t)e->hash & (slots - 1);
    if (e->node.op == RK_OP_ASSIGN) return;
    while (slot[i]) i = (i + 1) & (slots - 1);
    slot[i] = v;
}

static bool grow_entries(rk_graph *g)
{
    if (g->count < g->cap) return true;
    size_t bytes = 2 * sizeof *g->entry * g->cap;
    rk_entry *entry = g->cap < UINT32_MAX / 4 ? realloc(g->entry, bytes) : NULL;
    if (!entry) {
        rk_graph_no_memory(g, bytes);
        return false;
    }
    g->entry = entry;
    g->cap *= 2;
    return true;
}

static bool grow_slots(rk_graph *g)
{
    if (g->count < g->slots / 2) return true;
    uint32_t slots = 2 * g->slots, *slot = calloc(slots, sizeof *slot);
    if (!slot) {
        rk_graph_no_memory(g, slots * sizeof *slot);
        return false;
    }
    for (rk_value v = 1; v < g->count; v++) insert(slot, slots, &g->entry[v], v);
    free(g->slot);
    g->slot = slot;
    g->slots = slots;
    return true;
}

static const void *keep(rk_graph *g, const void *from, size_t bytes)
{
    void *p = rk_graph_alloc(g, bytes);
    if (p && bytes) memcpy(p, from, bytes);
    return p;
}

/* Copies what the node points to into the graph. */
static bool keep_parts(rk_graph *g, rk_node *n)
{
    n->in = keep(g, n->in, n->n_in * sizeof *n->in);
    n->attr = n->in ? keep(g, n->attr, n->n_attr * sizeof *n->attr) : NULL;
    if (n->attr) n->name = n->name[0] ? keep(g, n->name, strlen(n->name) + 1) : "";
    return n->attr && n->name;
}

/* A name that is already taken: the same thing again is the same value. */
static rk_value share_named(rk_graph *g, rk_value old, const rk_node *n)
{
    const rk_node *o = &g->entry[old].node;
    const char *was = rk_op_info(o->op)->name, *what = rk_op_info(n->op)->name;
    if (o->op != n->op || o->dtype != n->dtype || !rk_shape_same(o->shape, n->shape))
        return RK_REJECT(g, what, "'%s' is %s%s here, but was made as %s %s%s; rename one", n->name,
                         rk_dtype_name(n->dtype), rk_shape_show(n->shape).s, was,
                         rk_dtype_name(o->dtype), rk_shape_show(o->shape).s);
    if (n->trained && (!o->trained || o->init.kind != n->init.kind || o->init.a != n->init.a))
        return RK_REJECT(g, "param", "'%s' was made before as a state %s; rename one", n->name,
                         o->trained ? "that starts otherwise" : "that is not trained");
    if (n->statistic && !o->statistic)
        return RK_REJECT(g, "statistic", "'%s' was made before as a %s; rename one", n->name,
                         o->trained ? "parameter" : "state that is no statistic");
    return old;
}

rk_value rk_graph_append(rk_graph *g, const rk_node *node)
{
    rk_node n = *node;
    if (!n.name) n.name = "";
    uint64_t hash = hash_of(&n);
    rk_value old = find(g, &n, hash);
    if (old) return is_named(n.op) ? share_named(g, old, &n) : old;
    if (!grow_entries(g) || !grow_slots(g) || !keep_parts(g, &n)) return 0;
    g->entry[g->count] = (rk_entry){n, hash};
    insert(g->slot, g->slots, &g->entry[g->count], g->count);
    return g->count++;
}

uint32_t rk_graph_count(const rk_graph *g) { return g->count; }

rk_node rk_graph_node(const rk_graph *g, rk_value v) { return g->entry[v < g->count ? v : 0].node; }
