/* A schedule that ends the process, as a plugin with a mistake does, or a system without memory. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rethink/plugin.h"

static const rk_param_spec fragile_params[] = {
    {"at", "-1", "the epoch, from 0, in which it ends; -1: none", RK_PARAM_INT, -1, 1000, NULL},
    {0}};

/* FRAGILE says how: abort, kill or exit; without it nothing happens. */
static double fragile(double rate, int64_t epoch, const rk_args *a)
{
    const char *how = getenv("FRAGILE");
    if (!how || epoch != rk_arg_int(a, "at")) return rate;
    fprintf(stderr, "a glass breaks\n");
    if (strcmp(how, "abort") == 0) abort();
    if (strcmp(how, "kill") == 0) raise(SIGKILL);
    exit(3);
}

RK_PLUGIN("fragile", "1.0",
          RK_ITEM(RK_KIND_SCHEDULE, .name = "fragile", .doc = "constant, or the end",
                  .params = fragile_params, .rate = fragile));
