/* definitions.h: what the numbers of a run mean: the choices that papers leave open. */
#ifndef RK_CLI_DEFINITIONS_H
#define RK_CLI_DEFINITIONS_H
#include "cli/runs.h"

enum { RK_DEFINITIONS = 14, RK_DEFINITION_BYTES = 400 };

typedef struct rk_definition {
    const char *name;
    char text[RK_DEFINITION_BYTES];
} rk_definition;

/* Of a run with its history; returns their number. */
uint32_t rk_definitions_of(const rk_run_record *run, const rk_epoch_record *rows, uint32_t n,
                           rk_definition out[RK_DEFINITIONS]);
#endif
