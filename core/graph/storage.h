/* storage.h: how a graph lies in memory.
 *
 * Nodes are one growing array; what they point to (operands, attributes, names) lives in chunks
 * that never move, so views of nodes stay valid while a graph grows.  A hash table of values finds
 * the pure node that is identical to a new one, and the input or state of a name.
 *
 * Only storage.c, build.c and leaf.c look inside; everything else uses node.h and builder.h. */
#ifndef RK_GRAPH_STORAGE_H
#define RK_GRAPH_STORAGE_H
#include "graph/node.h"

typedef struct rk_entry {
    rk_node node;
    uint64_t hash;
} rk_entry;

/* A scope's text is its full prefix, "" or "a/b/"; the outermost has no outer. */
typedef struct rk_scope {
    const struct rk_scope *outer;
    const char *text;
} rk_scope;

typedef struct rk_chunk rk_chunk;

struct rk_graph {
    rk_entry *entry; /* [cap]; entry[0] is value 0: no node */
    uint32_t count, cap;
    uint32_t *slot; /* [slots], a power of two, at most half full; 0 is free */
    uint32_t slots;
    rk_chunk *chunk; /* the newest, linked to the older ones */
    const rk_scope *scope;
    bool training;
    bool by_batch;     /* batch norm takes the batch's statistics, though not training */
    rk_update *update; /* of trained states, or NULL */
    void *update_ctx;
    rk_error error; /* the first mistake; code is RK_OK until then */
};

/* bytes that live as long as the graph, 8-aligned; NULL, and the graph's error set, without
 * memory. */
void *rk_graph_alloc(rk_graph *g, size_t bytes);
/* The input or state of a full name, or 0. */
rk_value rk_graph_find(const rk_graph *g, const char *name);
#endif
