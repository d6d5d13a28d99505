/* Programs that follow the result of a kind. */
#include "check.h"
#include "program.h"

int cpu_program_holder(const rk_op *op)
{
    int any = -1;
    for (uint32_t j = 0; j < op->n_out; j++)
        if (cpu_dtype_bytes(op->out[j].dtype) == 4 && any < 0) any = (int)j;
    return any;
}

cpu_program *cpu_epilogue_new(rk_kernel *k, const rk_op *op, uint32_t raw_arg)
{
    cpu_access in[CPU_MAX_ARGS];
    cpu_source s = {.op = op, .code = op->code, .end = op->n_code, .in = in, .raw_arg = raw_arg};
    in[s.n_in++] = cpu_access_raw();
    for (uint32_t j = cpu_operands(op); j < op->n_in; j++)
        in[s.n_in++] = cpu_access_of(&op->in[j], j, -1);
    cpu_program *p = cpu_program_new(k, &s);
    if (p && raw_arg < op->n_in + op->n_out) p->alias_ok = 0; /* the result is in an output */
    return p;
}
