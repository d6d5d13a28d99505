/* choice.h: choices of an op, for the kinds that have some to offer.
 *
 * A choice replaces decisions of static rules; what is 0 is left to them.  No choice changes bits,
 * but where an op allows the fast tier it may ask for kernels of the exact one.
 * Names say nothing of the device, or how many of its threads: the core keeps them for years. */
#ifndef RETHINK_CPU_CHOICE_H
#define RETHINK_CPU_CHOICE_H
#include "cpu.h"

enum { CPU_CHOICES = 16 };

/* Number 0 is the static rules'. */
typedef struct cpu_choices {
    cpu_choice at[CPU_CHOICES];
    uint32_t n;
} cpu_choices;

/* Adds one, while there is room. */
static inline void cpu_choices_add(cpu_choices *c, cpu_choice x)
{
    if (c->n < CPU_CHOICES) c->at[c->n++] = x;
}

/* entry.c's. */
rk_status cpu_choice_name(rk_device *, const rk_op *, uint32_t i, char name[64], uint32_t *n,
                          rk_error *);
rk_status cpu_prepare_choice(rk_device *, const rk_op *, const char *name, rk_kernel **, rk_kinfo *,
                             rk_error *);
#endif
