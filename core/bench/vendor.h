/* vendor.h: matrix products by the library that a processor's users would take, OpenBLAS, which is
 * loaded if it is there. */
#ifndef RK_BENCH_VENDOR_H
#define RK_BENCH_VENDOR_H
#include "bench/runner.h"

typedef struct rk_vendor rk_vendor;

/* On as many threads as the hub's backends were told to use.  NULL, with the reason in why[cap], if
 * there is none. */
rk_vendor *rk_vendor_open(const rk_hub *hub, char *why, size_t cap);
void rk_vendor_close(rk_vendor *v);
/* A runner of a MATMUL with operands of its own; its text names the library and its version. */
rk_status rk_vendor_matmul(const rk_vendor *v, const rk_sample *t, rk_runner *out, rk_error *e);
/* What a runner of rk_vendor_matmul found. */
const float *rk_vendor_result(const rk_runner *r);
#endif
