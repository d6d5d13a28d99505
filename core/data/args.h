/* args.h: checked values of an item's parameters. */
#ifndef RK_DATA_ARGS_H
#define RK_DATA_ARGS_H
#include "rethink/plugin.h"

/* Text of a value and what it stands for: number for INT and REAL. */
typedef struct rk_arg_value {
    char *text; /* NULL: not given yet */
    int64_t whole;
    double real;
} rk_arg_value;

struct rk_args {
    const rk_param_spec *params; /* n of them */
    uint32_t n;
    char *misused; /* [RK_NAME_MAX + 1]: the first name asked for in vain, or as the wrong type */
    rk_arg_value value[];
};

/* Number of parameters in a table that ends with a NULL name; params may be NULL. */
uint32_t rk_param_count(const rk_param_spec *params);

/* Checks a value against its parameter: RK_OK, or a text such as "layers=0 is out of range: from 1
 * to 64".  On success *out holds the value with its canonical text, to be freed by the caller. */
rk_status rk_param_parse(const rk_param_spec *param, const char *text, rk_arg_value *out,
                         rk_error *e);

rk_args *rk_args_new(const rk_param_spec *params); /* without values; NULL if there is no memory */
void rk_args_free(rk_args *args);
#endif
