/* The operations as a table. */
#include "graph/node.h"

/* In the order of ops.def, whose capitals the preprocessor cannot lower. */
static const char names[][9] = {
    "none",   "input",  "state",    "const",   "iota",   "rng",     "neg",     "exp",
    "log",    "sqrt",   "recip",    "sin",     "cos",    "cast",    "stop",    "not",
    "add",    "sub",    "mul",      "div",     "max",    "lt",      "eq",      "mulhi",
    "and",    "shr",    "where",    "reshape", "expand", "permute", "slice",   "pad",
    "concat", "sum",    "max_over", "argmax",  "matmul", "conv",    "conv_dx", "conv_dw",
    "wsum",   "wsum_t", "wargmax",  "wtake",   "wput",   "take",    "put",     "assign"};
_Static_assert(sizeof names / sizeof *names == RK_OP_COUNT, "a name for every line of ops.def");

const rk_opinfo *rk_op_info(rk_opcode op)
{
    static const rk_opinfo infos[RK_OP_COUNT] = {
        [RK_OP_NONE] = {names[RK_OP_NONE], 0, RK_CLASS_NONE},
#define X(name, operands, class) [RK_OP_##name] = {names[RK_OP_##name], operands, RK_CLASS_##class},
#include "graph/ops.def"
#undef X
    };
    return &infos[op < RK_OP_COUNT ? op : RK_OP_NONE];
}
