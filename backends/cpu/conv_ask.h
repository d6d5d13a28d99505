/* conv_ask.h: memory that is asked for while something else is multiplied.
 *
 * A thread can wait for two dozen lines of memory at once, so that a copy waits for most of what it
 * asks for itself.  The tiles of the piece of work before have time: each asks for a share. */
#ifndef RETHINK_CPU_CONV_ASK_H
#define RETHINK_CPU_CONV_ASK_H
#include "conv.h"

enum { CPU_MOST_WISHES = 6 };

/* Parts of some lines each, which begin `step` bytes apart. */
typedef struct cpu_wish {
    const unsigned char *at;
    int64_t parts, step, lines;
} cpu_wish;

typedef struct cpu_ask {
    cpu_wish wish[CPU_MOST_WISHES];
    int wishes, now; /* now: the first that is not done */
    int64_t line;    /* of its part */
    int64_t share;   /* lines that a tile asks for */
} cpu_ask;

/* Parts of `length` elements of so many bytes, of which no more than there is room for. */
static inline void cpu_ask_add(cpu_ask *a, const void *at, int64_t bytes, int64_t parts,
                               int64_t step, int64_t length)
{
    if (parts > 0 && length > 0 && a->wishes < CPU_MOST_WISHES)
        a->wish[a->wishes++] =
            (cpu_wish){at, parts, bytes * step, (bytes * length - 1) / CPU_ALIGN + 2};
}

/* The arrays that a program reads in parts of its index space, the first from `start` on. */
static inline void cpu_ask_program(cpu_ask *a, const cpu_run *r, int64_t start, int64_t parts,
                                   int64_t step, int64_t length)
{
    for (uint32_t in = 0; in < r->program->n_in; in++) {
        const cpu_access *x = &r->program->in[in];
        int64_t bytes = x->dtype == RK_U8 ? 1 : 4;
        if (x->arg != CPU_NO_ARG && (x->how == CPU_READ_DENSE || x->how == CPU_READ_COPY))
            cpu_ask_add(a, r->arg[x->arg] + bytes * start, bytes, parts, step, length);
    }
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
        for (int64_t i = 0; i < n; i++) __builtin_prefetch(w->at + (a->line + i) * CPU_ALIGN, 0, 2);
        left -= n;
        a->line += n;
        if (a->line < w->lines) continue;
        a->line = 0;
        w->at += w->step;
        a->now += --w->parts == 0;
    }
}
#endif
