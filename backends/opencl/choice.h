/* choice.h: choices of an op, for the files that have some to offer.
 *
 * A choice replaces decisions of static rules; what is 0 is left to them.  No choice changes bits,
 * but for the ways of ops with RK_OP_FAST, which may be kernels of the fast tier.
 * Names are made of the numbers, so that a number that comes to mean something else needs another
 * name: the core keeps names for years. */
#ifndef RETHINK_OPENCL_CHOICE_H
#define RETHINK_OPENCL_CHOICE_H
#include "opencl.h"

enum { OCL_CHOICES = 160 };

/* Number 0 is the static rules'. */
typedef struct ocl_choices {
    ocl_choice at[OCL_CHOICES];
    uint32_t n;
} ocl_choices;

/* What to choose from, beside the static rules. */
typedef struct ocl_menu {
    const uint32_t (*tile)[2], *deep, *part;
    uint32_t n_tile, n_deep, n_part;
} ocl_menu;

/* Whether a choice is possible, and another one than the static rules'. */
typedef int ocl_choice_fits(const ocl_choice *, const void *ctx);

/* All combinations that fit (NULL: all), those that differ least from the static rules first. */
void ocl_choices_fill(ocl_choices *, const ocl_menu *, ocl_choice_fits *, const void *ctx);

/* Puts a choice at a place before the end, or there, from 1. */
void ocl_choices_put(ocl_choices *, uint32_t at, ocl_choice);
/* Adds kernels of another kind, as the first choice after the static rules'. */
void ocl_choices_way(ocl_choices *, uint32_t way);
/* Whether a choice asks for exact kernels, by name or by the size of their tiles. */
int ocl_choice_is_exact(const ocl_choice *);

/* The kinds: those of an op that prepare takes, with no output empty. */
void ocl_matmul_choices(const rk_device *, const rk_op *, ocl_choices *);
void ocl_conv_choices(const rk_device *, const rk_op *, ocl_choices *);
void ocl_reduce_choices(const rk_device *, ocl_choices *);
void ocl_divide_choices(const rk_device *, const rk_op *, ocl_choices *);

/* entry.c's. */
rk_status ocl_choice_name(rk_device *, const rk_op *, uint32_t i, char name[64], uint32_t *n,
                          rk_error *);
rk_status ocl_choice_find(rk_device *, const rk_op *, const char *name, ocl_choice *, rk_error *);

#endif
