/* sample.h: one op with room for everything it points to, and running it on host arrays.
 *
 *     rk_sample t;
 *     rk_sample_begin(&t, RK_EWISE);
 *     uint16_t x = rk_sample_in(&t, RK_F32, 1, (int64_t[]){5}, 0);     a program input, dense
 *     rk_sample_out(&t, RK_F32, 1, (int64_t[]){5});
 *     rk_sample_store(&t, 0, rk_sample_ins(&t, RK_I_FNEG, x, 0, 0));
 *     status = rk_sample_run(bed, &t, (const void *[]){x_data}, (void *[]){y_data}, -1, &e);
 *
 * A run puts every operand into one allocation, at offsets that are odd multiples of the device's
 * alignment, with guard zones before and after each, and runs the op twice.  It answers
 * RK_E_INTERNAL with a text if a guard zone or an input was overwritten, if launch allocated host
 * memory, or if the second run gave other bits. */
#ifndef RK_CHECK_SAMPLE_H
#define RK_CHECK_SAMPLE_H
#include "check/bed.h"
#include "plan/plan.h"

enum {
    RK_SAMPLE_TENSORS = 12,
    RK_SAMPLE_CODE = 128,
    RK_SAMPLE_IMM = 64,
    RK_SAMPLE_GUARD = 256,
    RK_SAMPLE_ALIAS = 64
};

/* Fill it by the functions below; t->op.p by hand. */
typedef struct rk_sample {
    rk_op op;
    rk_tensor in[RK_SAMPLE_TENSORS], out[RK_SAMPLE_TENSORS];
    rk_ins code[RK_SAMPLE_CODE];
    uint32_t imm[RK_SAMPLE_IMM];
} rk_sample;

void rk_sample_begin(rk_sample *t, uint32_t kind);
/* Add an input or output.  Bit d of broadcast: stride 0 along dimension d.  Return RK_R_IN +
 * number, which for REDUCE and EWISE is the program's operand; rk_sample_out returns the output's
 * number. */
uint16_t rk_sample_in(rk_sample *t, uint32_t dtype, uint32_t rank, const int64_t *dim,
                      uint32_t broadcast);
uint16_t rk_sample_out(rk_sample *t, uint32_t dtype, uint32_t rank, const int64_t *dim);
uint16_t rk_sample_ins(rk_sample *t, uint16_t op, uint16_t a, uint16_t b, uint16_t third);
void rk_sample_store(rk_sample *t, uint16_t output, uint16_t value);
uint16_t rk_sample_imm(rk_sample *t, uint32_t word);
uint16_t rk_sample_immf(rk_sample *t, float value);
/* The op, pointing into the sample. */
rk_op rk_sample_op(const rk_sample *t);
/* "MATMUL {1, 3, 4, 5, ...} F32 [1][3][4], 2 instructions" into out, cut to cap bytes. */
void rk_sample_print(const rk_sample *t, char *out, size_t cap);

int64_t rk_tensor_count(const rk_tensor *t);  /* elements of the shape */
int64_t rk_tensor_extent(const rk_tensor *t); /* elements in memory: broadcast ones count once */

/* What came of a run beside the outputs. */
typedef struct rk_ran {
    rk_kinfo info;
    bool differs; /* the second run gave other bits, in output number other */
    uint32_t other;
} rk_ran;

/* What the kernel that a run would take says of itself. */
rk_status rk_sample_info(rk_bed *b, const rk_sample *t, rk_kinfo *info, rk_error *e);
/* Runs the op.  in[j] and out[j] are host arrays; out[] is written to the device before and read
 * after the first run.  alias = j + RK_SAMPLE_ALIAS * i, if not negative: out[i] is in the memory
 * of in[j].  That the second run differs is told, but no error. */
rk_status rk_sample_run_ran(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                            int alias, rk_ran *ran, rk_error *e);
/* The same; a second run that differs is an error.  info, if not NULL, gets the kernel's. */
rk_status rk_sample_run_info(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                             int alias, rk_kinfo *info, rk_error *e);
rk_status rk_sample_run(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                        int alias, rk_error *e);
#endif
