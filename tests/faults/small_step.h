/* small_step.h: a small training step, and a whole use of a session, for tests of faults. */
#ifndef SMALL_STEP_H
#define SMALL_STEP_H
#include "base/error.h"
#include "device/session.h"

enum { SMALL_ROWS = 4, SMALL_IN = 5 };

/* A layer, cross-entropy, momentum, random words, a swap of states, a permuted copy. */
rk_graph *small_step(void);
/* Opens a session, adds the step, commits, starts, runs it a few times, reads; closes the session
 * in any case.  The first error, or the bits of a weight in *weight. */
rk_status small_session(rk_hub *h, const char *spec, const rk_session_options *o, const rk_graph *g,
                        uint32_t *weight, rk_error *e);
#endif
