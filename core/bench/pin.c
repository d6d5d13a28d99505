/* Workers that stay where they are.
 *
 * PoCL's workers sleep between launches that wait for one another, and often wake up on one core:
 * kernels of a millisecond then take twice as long in one process as in the next, and so do all of
 * that process.  POCL_AFFINITY puts worker i on processor i.  Where the process may not use all
 * processors, or there are fewer workers, those would be the wrong ones. */
#include "bench/bench.h"
#include "base/text.h"
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* That this process may use all processors, which are 0, 1, ... n - 1; 0 else. */
static long processors(void)
{
    cpu_set_t set;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 2 || n > CPU_SETSIZE || sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    for (long i = 0; i < n; i++)
        if (!CPU_ISSET((size_t)i, &set)) return 0;
    return n;
}

bool rk_bench_pin(const char *threads)
{
    static const char *const fewer[] = {"POCL_MAX_PTHREAD_COUNT", "POCL_CPU_MAX_CU_COUNT"};
    uint64_t asked;
    long n = processors();
    if (n == 0 || (threads && rk_parse_u64(threads, &asked) && asked < (uint64_t)n)) return false;
    for (size_t i = 0; i < sizeof fewer / sizeof *fewer; i++)
        if (getenv(fewer[i])) return false;
    return !getenv("POCL_AFFINITY") && setenv("POCL_AFFINITY", "1", 0) == 0;
}
