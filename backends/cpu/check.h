/* check.h: whether an op keeps the contract of backend.h.  Every function answers RK_OK or fills
 * *e. */
#ifndef RETHINK_CPU_CHECK_H
#define RETHINK_CPU_CHECK_H
#include "cpu.h"

int64_t cpu_count(const rk_tensor *); /* elements of the shape */
size_t cpu_dtype_bytes(uint32_t dtype);
/* How many inputs are operands of the kind; the others are inputs of its program. */
uint32_t cpu_operands(const rk_op *);

/* Operands of an instruction that are values (a target of STORE or FOLD is not); -1: unknown. */
int cpu_arity(uint16_t op);

/* What holds for every op: sizes of tables, known numbers, counts, tensors, the program's operands
 * and stores. */
rk_status cpu_check_op(const rk_op *, rk_error *);
/* Input or output number j has this dtype and exactly so many elements. */
rk_status cpu_check_in(const rk_op *, uint32_t j, uint32_t dtype, int64_t count, rk_error *);
rk_status cpu_check_out(const rk_op *, uint32_t j, uint32_t dtype, int64_t count, rk_error *);
/* p[from .. from + n) are extents whose product fits in memory. */
rk_status cpu_check_extents(const rk_op *, int from, int n, rk_error *);
/* The shapes of program inputs are space's, those of outputs are result's. */
rk_status cpu_check_space(const rk_op *, const rk_tensor *space, const rk_tensor *result,
                          rk_error *);
/* A kind with an optional epilogue: without a program one F32 output of count elements, with one
 * outputs and inputs of one shape of so many elements. */
rk_status cpu_check_result(const rk_op *, int64_t count, rk_error *);
/* Parameters, operands and results of a MATMUL. */
rk_status cpu_check_matmul(const rk_op *, rk_error *);
#endif
