/* backend_harness.h: opens any backend by path and runs single ops on host arrays, through the ABI
 * alone.
 *
 *     harness h;
 *     if (harness_open(&h, path, 0, options, &e) != RK_OK) ...
 *     harness_case c;
 *     case_begin(&c, RK_EWISE);
 *     uint16_t x = case_in(&c, RK_F32, 1, (int64_t[]){5}, 0);     a program input, dense
 *     case_out(&c, RK_F32, 1, (int64_t[]){5});
 *     case_store(&c, 0, case_ins(&c, RK_I_FNEG, x, 0, 0));
 *     status = harness_run(&h, &c, (const void *[]){x_data}, (void *[]){y_data}, -1, &e);
 *
 * harness_run puts every operand into one allocation with guard zones before and after it, runs the
 * op twice, and answers RK_E_INTERNAL with a text if a guard zone or an input was overwritten, if
 * launch allocated host memory, or if the second run gave other bits. */
#ifndef BACKEND_HARNESS_H
#define BACKEND_HARNESS_H
#include <rethink/backend.h>

enum {
    HARNESS_TENSORS = 12,
    HARNESS_CODE = 128,
    HARNESS_IMM = 64,
    HARNESS_OPTIONS = 8,
    HARNESS_GUARD = 256,
    HARNESS_ALIAS = 64
};

/* Host memory is counted; allocation number fail_at (from 1, counted by calls) fails. */
typedef struct harness_alloc {
    long live, calls, fail_at;
} harness_alloc;

typedef struct harness {
    void *so;
    const rk_magic *magic;
    const rk_backend *backend;
    rk_device *device;
    rk_host host;
    rk_devinfo info;
    harness_alloc alloc;
    const char *option[HARNESS_OPTIONS]; /* "key=value", borrowed */
    uint32_t n_option;
    int small;           /* the device is slow: tests keep to tiny shapes */
    const char *without; /* kinds that may be UNSUPPORTED, e.g. "conv,window"; NULL: none */
} harness;

/* One op with room for everything it points to.  Fill it by the functions below; c->op.p by
 * hand. */
typedef struct harness_case {
    rk_op op;
    rk_tensor in[HARNESS_TENSORS], out[HARNESS_TENSORS];
    rk_ins code[HARNESS_CODE];
    uint32_t imm[HARNESS_IMM];
} harness_case;

/* Loads the shared object and finds its table; harness_open also opens device index. options is a
 * NULL-terminated list of "key=value" (or NULL), which must live as long as the harness. */
rk_status harness_load(harness *h, const char *path, const char *const *options, rk_error *e);
rk_status harness_open(harness *h, const char *path, uint32_t index, const char *const *options,
                       rk_error *e);
/* Closes the device if open; the shared object stays. Returns how many host allocations are
 * left. */
long harness_close(harness *h);

void case_begin(harness_case *c, uint32_t kind);
/* Add an input or output. Bit d of broadcast: stride 0 along dimension d. Return RK_R_IN + number,
 * which for REDUCE and EWISE is the program's operand; case_out returns the output's number. */
uint16_t case_in(harness_case *c, uint32_t dtype, uint32_t rank, const int64_t *dim,
                 uint32_t broadcast);
uint16_t case_out(harness_case *c, uint32_t dtype, uint32_t rank, const int64_t *dim);
uint16_t case_ins(harness_case *c, uint16_t op, uint16_t a, uint16_t b, uint16_t third);
void case_store(harness_case *c, uint16_t output, uint16_t value);
uint16_t case_imm(harness_case *c, uint32_t word);
uint16_t case_immf(harness_case *c, float value);

int64_t tensor_count(const rk_tensor *t);  /* elements of the shape */
int64_t tensor_extent(const rk_tensor *t); /* elements in memory: broadcast ones count once */
size_t dtype_bytes(uint32_t dtype);

/* Runs the op. in[j] and out[j] are host arrays; out[] is written to the device before and read
 * after. alias = j + HARNESS_ALIAS * i, if not negative: out[i] is in the memory of in[j]. info, if
 * not NULL, gets the kernel's. */
rk_status harness_run_info(harness *h, const harness_case *c, const void *const *in,
                           void *const *out, int alias, rk_kinfo *info, rk_error *e);
rk_status harness_run(harness *h, const harness_case *c, const void *const *in, void *const *out,
                      int alias, rk_error *e);
#endif
