/* cases.h: for every operation with a derivative, how to make random graphs that use it. */
#ifndef RK_TESTS_CASES_H
#define RK_TESTS_CASES_H
#include "trial.h"

typedef struct op_case op_case;
struct op_case {
    rk_opcode op;
    rk_value (*build)(trial *t, const op_case *c); /* y, made of arguments and op */
    rk_value (*unary)(rk_graph *, rk_value);       /* for build_unary, build_binary */
    rk_value (*binary)(rk_graph *, rk_value, rk_value);
    range a, b;
};

extern const op_case op_cases[];
extern const uint32_t n_op_cases;
#endif
