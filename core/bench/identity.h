/* identity.h: what identifies the host, for identity.c and tests.  root: in front of /proc, /sys
 * and /etc, "" but for tests.  Each adds to a text; "unknown" where nothing was found out. */
#ifndef RK_BENCH_IDENTITY_H
#define RK_BENCH_IDENTITY_H
#include "base/text.h"

/* "AMD EPYC, 2 cores, 2 threads, caches L1d 32K, L1i 32K, L2 512K, L3 32768K" */
void rk_identity_processor(const char *root, rk_str *out);
/* "schedutil, 1500 to 3400 MHz" */
void rk_identity_clocks(const char *root, rk_str *out);
/* "Linux 6.1.0 x86_64, Debian GNU/Linux 12 (bookworm)" */
void rk_identity_system(const char *root, rk_str *out);
/* Variables that change results or speed, sorted: "OMP_NUM_THREADS=2 POCL_MAX_CU=1".  variables: as
 * environ.  Blanks, backslashes and what is not printed are \xNN in values. */
void rk_identity_environment(char *const *variables, rk_str *out);
#endif
