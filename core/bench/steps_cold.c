/* Empty caches of compiled kernels: what the first run on a machine pays. */
#include "base/os.h"
#include "bench/steps.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "rethink-bench-cold-"

/* Where rethink and drivers are told to keep what they compiled: rethink, PoCL, Mesa (rusticl),
 * NVIDIA, Intel's compute runtime, AMD's compiler library; the last is for what asks XDG. */
static const char *const variables[] = {
    "RETHINK_CACHE_DIR", "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR", "CUDA_CACHE_PATH",
    "NEO_CACHE_DIR",     "cl_cache_dir",   "AMD_COMGR_CACHE_DIR",   "XDG_CACHE_HOME"};
enum { VARIABLES = sizeof variables / sizeof *variables };

rk_status rk_bench_cold_begin(char *folder, rk_error *e)
{
    const char *root = getenv("TMPDIR");
    char path[RK_PATH_MAX];
    if (!root || !*root) root = "/tmp";
    if (!rk_os_join(folder, root, PREFIX "XXXXXX"))
        return RK_FAIL(e, RK_E_INVALID, "TMPDIR=%.100s... is too long", root);
    if (!mkdtemp(folder))
        return RK_FAIL(e, RK_E_IO, "cannot make a folder for empty caches, %s: %s", folder,
                       strerror(errno));
    for (int i = 0; i < VARIABLES; i++) {
        /* The first one is the mark by which rk_bench_begins_cold knows. */
        if (!rk_os_join(path, folder, variables[i]) || rk_os_mkdirs(path, e) != RK_OK)
            return e->code;
        if (setenv(variables[i], path, 1) != 0)
            return RK_FAIL(e, RK_E_NOMEM, "no memory for the environment");
    }
    return RK_OK;
}

static int drop(const char *path, const struct stat *s, int flag, struct FTW *f)
{
    (void)s;
    (void)flag;
    (void)f;
    return remove(path);
}

/* Only what begin has made. */
void rk_bench_cold_end(const char *folder)
{
    if (strstr(folder, PREFIX)) nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

bool rk_bench_begins_cold(const rk_bench_case *c)
{
    const char *folder = getenv(variables[0]);
    return c->options->process == 1 && folder && strstr(folder, PREFIX);
}
