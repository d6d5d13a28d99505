/* conv_ask.h: memory that is asked for while something else is multiplied.
 *
 * A thread can wait for two dozen lines of memory at once, so that a copy waits for most of what it
 * asks for itself.  The tiles of the piece of work before have time: each asks for a share. */
#ifndef RETHINK_CPU_CONV_ASK_H
#define RETHINK_CPU_CONV_ASK_H
#include "conv.h"

enum { CPU_LINE = CPU_ALIGN / 4, CPU_MOST_WISHES = 4 };

/* Parts of some lines each, which begin `step` floats apart. */
typedef struct cpu_wish {
    const float *at;
    int64_t parts, step, lines;
} cpu_wish;

typedef struct cpu_ask {
    cpu_wish wish[CPU_MOST_WISHES];
    int wishes, now; /* now: the first that is not done */
    int64_t line;    /* of its part */
    int64_t share;   /* lines that a tile asks for */
} cpu_ask;

/* Parts of `length` floats. */
static inline void cpu_ask_add(cpu_ask *a, const float *at, int64_t parts, int64_t step,
                               int64_t length)
{
    if (parts > 0 && length > 0)
        a->wish[a->wishes++] = (cpu_wish){at, parts, step, (length - 1) / CPU_LINE + 2};
}

/* Among so many tiles. */
static inline void cpu_ask_divide(cpu_ask *a, int64_t tiles)
{
    int64_t lines = 0;
    for (int i = 0; i < a->wishes; i++) lines += a->wish[i].parts * a->wish[i].lines;
    a->share = (lines + tiles - 1) / tiles;
}

static inline __attribute__((always_inline)) void cpu_ask_share(cpu_ask *a)
{
    for (int64_t left = a->share; left > 0 && a->now < a->wishes;) {
        cpu_wish *w = &a->wish[a->now];
        int64_t n = cpu_least(w->lines - a->line, left);
        for (int64_t i = 0; i < n; i++) __builtin_prefetch(w->at + (a->line + i) * CPU_LINE, 0, 2);
        left -= n;
        a->line += n;
        if (a->line < w->lines) continue;
        a->line = 0;
        w->at += w->step;
        a->now += --w->parts == 0;
    }
}
#endif
