#include "bench/identity.h"
#include "bench/machine_read.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define CPU0 "/sys/devices/system/cpu/cpu0"

/* ---- processor ------------------------------------------------------------------------------- */

/* Threads are lines of /proc/cpuinfo; cores those with other pairs of package and core. */
static void count_cores(const char *root, int *threads, int *cores)
{
    enum { MOST = 4096 };
    char package[32], core[32];
    long *seen = calloc(MOST, sizeof *seen);
    for (*threads = *cores = 0; seen && *threads < MOST; ++*threads) {
        int at = *threads, i = 0;
        if (!rk_machine_field(root, "/proc/cpuinfo", "physical id", at, package, sizeof package) ||
            !rk_machine_field(root, "/proc/cpuinfo", "core id", at, core, sizeof core))
            break;
        long pair = strtol(package, NULL, 10) * 100000 + strtol(core, NULL, 10);
        while (i < *cores && seen[i] != pair) i++;
        if (i == *cores) seen[(*cores)++] = pair;
    }
    free(seen);
}

static void add_caches(const char *root, rk_str *out)
{
    char path[96], level[16], type[32], size[32];
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, CPU0 "/cache/index%d/level", i);
        if (!rk_machine_line(root, path, level, sizeof level)) break;
        snprintf(path, sizeof path, CPU0 "/cache/index%d/type", i);
        if (!rk_machine_line(root, path, type, sizeof type)) break;
        snprintf(path, sizeof path, CPU0 "/cache/index%d/size", i);
        if (!rk_machine_line(root, path, size, sizeof size)) break;
        const char *kind = strcmp(type, "Data") == 0          ? "d"
                           : strcmp(type, "Instruction") == 0 ? "i"
                                                              : "";
        rk_str_add(out, "%s L%s%s %s", i ? "," : ", caches", level, kind, size);
    }
}

void rk_identity_processor(const char *root, rk_str *out)
{
    char model[128];
    int threads, cores;
    /* Not all architectures have the first; ARM has numbers only. */
    if (!rk_machine_field(root, "/proc/cpuinfo", "model name", 0, model, sizeof model) &&
        !rk_machine_field(root, "/proc/cpuinfo", "CPU part", 0, model, sizeof model)) {
        rk_str_add(out, "unknown");
        return;
    }
    rk_str_add(out, "%s", model);
    count_cores(root, &threads, &cores);
    if (threads) rk_str_add(out, ", %d cores, %d threads", cores, threads);
    add_caches(root, out);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

void rk_identity_clocks(const char *root, rk_str *out)
{
    char governor[64], mhz[64];
    double least, most;
    if (rk_machine_line(root, CPU0 "/cpufreq/scaling_governor", governor, sizeof governor)) {
        rk_str_add(out, "%s", governor);
        if (rk_machine_number(root, CPU0 "/cpufreq/cpuinfo_min_freq", &least) &&
            rk_machine_number(root, CPU0 "/cpufreq/cpuinfo_max_freq", &most))
            rk_str_add(out, ", %.0f to %.0f MHz", 1e-3 * least, 1e-3 * most);
        return;
    }
    if (rk_machine_field(root, "/proc/cpuinfo", "cpu MHz", 0, mhz, sizeof mhz))
        rk_str_add(out, "no governor (no cpufreq); %.0f MHz now", strtod(mhz, NULL));
    else
        rk_str_add(out, "unknown");
}

/* ---- system ---------------------------------------------------------------------------------- */

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" */
static bool find_distribution(const char *root, char *out, size_t bytes)
{
    char path[4096], line[256];
    int n = snprintf(path, sizeof path, "%s/etc/os-release", root);
    FILE *f = n >= 0 && n < (int)sizeof path ? fopen(path, "r") : NULL;
    bool found = false;
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f)) {
        char *at = line + strlen("PRETTY_NAME=");
        if (strncmp(line, "PRETTY_NAME=", strlen("PRETTY_NAME=")) != 0) continue;
        at += *at == '"';
        at[strcspn(at, "\"\n")] = '\0';
        snprintf(out, bytes, "%s", at);
        found = true;
    }
    fclose(f);
    return found;
}

void rk_identity_system(const char *root, rk_str *out)
{
    struct utsname u;
    char distribution[256];
    if (uname(&u) == 0)
        rk_str_add(out, "%s %s %s", u.sysname, u.release, u.machine);
    else
        rk_str_add(out, "unknown kernel");
    if (find_distribution(root, distribution, sizeof distribution))
        rk_str_add(out, ", %s", distribution);
}

/* ---- environment ----------------------------------------------------------------------------- */

/* Prefixes end with "_", names do not. */
static const char *const chosen[] = {
    "AMD_",     "CL_",     "CLBLAST_", "CUDA_",     "GALLIUM_",       "GOMP_",
    "GPU_",     "HIP_",    "HSA_",     "KMP_",      "LD_PRELOAD",     "LP_",
    "LIBGL_",   "MALLOC_", "MESA_",    "MKL_",      "NEO_",           "NIR_",
    "NVIDIA_",  "OCL_",    "OMP_",     "OPENBLAS_", "OPENCL_",        "POCL_",
    "RETHINK_", "ROC_",    "ROCR_",    "RUSTICL_",  "GLIBC_TUNABLES", "LD_LIBRARY_PATH"};

static bool is_chosen(const char *variable)
{
    size_t name = strcspn(variable, "=");
    bool own = strncmp(variable, "RETHINK_", 8) == 0;
    /* Where plugins and presets are changes nothing, and a report is for strangers. */
    if (own && name > 5 && strncmp(variable + name - 5, "_PATH", 5) == 0) return false;
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        size_t n = strlen(chosen[i]);
        bool prefix = chosen[i][n - 1] == '_';
        if (strncmp(variable, chosen[i], n) == 0 && (prefix || name == n)) return true;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_variable(const char *text, rk_str *out)
{
    for (const char *c = text; *c; c++) {
        if (isgraph((unsigned char)*c) && *c != '\\')
            rk_str_add(out, "%c", *c);
        else
            rk_str_add(out, "\\x%02x", (unsigned char)*c);
    }
}

void rk_identity_environment(char *const *variables, rk_str *out)
{
    size_t n = 0, kept = 0;
    while (variables[n]) n++;
    const char **list = calloc(n + 1, sizeof *list);
    if (!list) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (is_chosen(variables[i])) list[kept++] = variables[i];
    qsort(list, kept, sizeof *list, by_text);
    for (size_t i = 0; i < kept; i++) {
        if (i) rk_str_add(out, " ");
        add_variable(list[i], out);
    }
    if (kept == 0) rk_str_add(out, "none set");
    free(list);
}
