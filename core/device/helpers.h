/* helpers.h: other processes that make kernels while this one does.
 *
 * A cold start compiles tens of programs.  Drivers may hold a lock while they do (PoCL does), so
 * that threads of one process gain little.  A helper is a process that opens the same device and
 * prepares steps of the plan from its end on, while this one begins at its start: what it compiles
 * is in the cache when this one comes by.  It gives no kernel and no bits.
 * One that does not start, fails or dies costs time and nothing else, and is not spoken of.
 *
 * Helpers are started when a program had to be compiled, of a plan with enough new steps left to
 * be worth their own start; as many as there are idle processors, by the threads that a
 * backend may have.  RETHINK_HELPERS=N names their number, whatever the plan; 0: none. */
#ifndef RK_DEVICE_HELPERS_H
#define RK_DEVICE_HELPERS_H
#include <jansson.h>
#include "device/program.h"

/* Before each step of p gets its kernel, and when all have one, or none follows. */
void rk_helpers_step(rk_program *p, uint32_t step);
void rk_helpers_end(rk_program *p);
/* Whether a helper has compiled what this blob of the cache holds, and nobody got it yet. */
bool rk_helpers_made(rk_helpers *h, const void *key, size_t key_bytes);
/* Waits a little for processes that are about to end.  NULL is nothing. */
void rk_helpers_free(rk_helpers *h);

/* An op and all that it points to, as JSON; NULL without memory. */
json_t *rk_op_json(const rk_op *op);
/* The reverse; false if it is none, or without memory.  Arrays are the pool's. */
bool rk_op_read(const json_t *from, rk_pool *pool, rk_op *op);

/* ---- the helper's side ---- */

/* Prepares what an order says, and writes the digest of each program's key to notes before the
 * cache has it. */
rk_status rk_help_work(const json_t *order, int notes, bool (*stopping)(void), rk_error *e);
/* The process that gave an order. */
int64_t rk_help_parent(const json_t *order);
#endif
