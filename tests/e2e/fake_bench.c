/* usage: fake_bench FILE.sqlite HOST [odd]
 * A bench with made-up numbers, for tests of the report: three devices whose operations reach a
 * part of their rooflines.  With 'odd' the second device's matmul 128x512x784 is slow, its conv y
 * is wrong, its window unsupported; the third's clock drifted, and much of it was not measured. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "train/results_bench.h"

enum { DEVICES = 3, PROCESSES = 3, REPEATS = 5, SEEDS = 5, VALUES_MAX = 2048 };

static const struct {
    const char *spec, *name, *driver, *type, *vendor;
    double fma, triad, launch, share; /* share: of the roofline that operations reach */
} devices[DEVICES] = {{"cpu:0", "AMD EPYC 7B13 64-Core Processor", "rethink 0.1.0", "cpu",
                       "OpenBLAS 0.3.21", 1.6e11, 1.9e10, 4e-7, 0.72},
                      {"opencl:0.0", "pthread-AMD EPYC 7B13 64-Core Processor",
                       "OpenCL 3.0 PoCL 3.1", "cpu", NULL, 1.5e11, 1.8e10, 2e-5, 0.55},
                      {"opencl:1.0", "A <graphics> & \"compute\" device with a rather long name",
                       "550.54.15", "gpu", "CLBlast 1.6.3", 6.0e13, 3.1e12, 9e-6, 0.61}};

static const struct {
    const char *subject, *kernel;
    double flop, bytes;
    int fast, vendor;
} ops[] = {{"conv dw 128x3x28x28, 96x3x3x3", "slices 8x16", 520224768, 39748224, 1, 0},
           {"conv dx 128x96x28x28, 96x3x3x3", "tile 6x16", 520224768, 39748224, 1, 0},
           {"conv y 128x3x28x28, 96x3x3x3", "direct 6x16", 520224768, 39748224, 1, 0},
           {"copy 128x784", "rows", 0, 802816, 0, 0},
           {"ewise 4194304", "8 wide", 4194304, 50331648, 0, 0},
           {"matmul 1024x1024x1024", "tile 6x32", 2147483648, 12582912, 1, 1},
           {"matmul 128x10x512", "tile 6x32", 1310720, 287744, 1, 1},
           {"matmul 128x512x784", "tile 6x32", 102760448, 2269184, 1, 1},
           {"reduce 128x512", "tree", 65536, 262656, 0, 0},
           {"rng 1048576", "Philox4x32-10", 0, 4194304, 0, 0},
           {"take 128x784", "rows", 0, 803328, 0, 0},
           {"window 128x96x28x28, 3x3", "direct", 86704128, 38535168, 0, 0}};
enum { N_OPS = sizeof ops / sizeof *ops };
static const char *const workloads[] = {"cnn, batch 32", "mlp:layers=3, batch 128"};

typedef struct rig {
    rk_results *r;
    rk_error e;
    int64_t bench;
    int device; /* from 0 */
    int odd, failed;
    rk_bench_value value[VALUES_MAX]; /* of the device */
    uint32_t n;
} rig;

static void put(rig *g, int64_t process, const char *suite, const char *subject, const char *tier,
                const char *name, const char *unit, double x, rk_spread spread, const char *text)
{
    if (g->n == VALUES_MAX) {
        g->failed = 1;
        return;
    }
    g->value[g->n++] = (rk_bench_value){g->bench, g->device + 1, process, suite, subject, tier,
                                        name,     unit,          text,    x,     spread};
}

/* A number that repetitions are around, in every process. */
static void measured(rig *g, const char *suite, const char *subject, const char *tier,
                     const char *name, const char *unit, double value, const char *text)
{
    for (int64_t p = 1; p <= PROCESSES; p++) {
        double x[REPEATS];
        for (int i = 0; i < REPEATS; i++)
            x[i] = value * (1 + 0.004 * (double)((i * 3 + p) % REPEATS)) *
                   (1 + 0.01 * (double)(p - 2));
        put(g, p, suite, subject, tier, name, unit, 0, rk_spread_of(x, REPEATS), text);
    }
}

static void counted(rig *g, const char *suite, const char *subject, const char *tier,
                    const char *name, const char *unit, double value, const char *text)
{
    put(g, 1, suite, subject, tier, name, unit, 0, rk_spread_one(value), text);
}

static void missing(rig *g, const char *suite, const char *subject, const char *tier,
                    const char *name, const char *unit, const char *why)
{
    put(g, 1, suite, subject, tier, name, unit, 0, rk_spread_of(NULL, 0), why);
}

/* ---- suites ---------------------------------------------------------------------------------- */

static void roofline(rig *g)
{
    const double fma = devices[g->device].fma, triad = devices[g->device].triad;
    const double launch = devices[g->device].launch;
    measured(g, "roofline", "", "", "fma", "FLOP/s", fma, "width 8, 12 chains");
    measured(g, "roofline", "width 4, 8 chains", "", "fma", "FLOP/s", 0.7 * fma, "");
    measured(g, "roofline", "", "", "triad", "B/s", triad, "16777216 elements");
    measured(g, "roofline", "", "", "product", "FLOP/s", 0.9 * fma, "1024x1024x1024");
    measured(g, "roofline", "", "", "launch", "s", launch / 4, "");
    measured(g, "roofline", "", "", "launch and wait", "s", launch, "");
    measured(g, "roofline", "", "", "upload", "B/s", 1.1e10, "");
    measured(g, "roofline", "", "", "download", "B/s", 0.9e10, "");
    if (g->device == 2) {
        measured(g, "roofline", "", "", "local", "B/s", 4 * triad, "");
        measured(g, "roofline", "", "", "upload pinned", "B/s", 2.4e10, "");
        measured(g, "roofline", "", "", "download pinned", "B/s", 2.5e10, "");
        return;
    }
    missing(g, "roofline", "", "", "local", "B/s", "no local memory");
    missing(g, "roofline", "", "", "upload pinned", "B/s", "no pinned memory");
    missing(g, "roofline", "", "", "download pinned", "B/s", "no pinned memory");
}

static int is_slow(const rig *g, int op) { return g->odd && g->device == 1 && op == 7; }
static int is_wrong(const rig *g, int op) { return g->odd && g->device == 1 && op == 2; }
static int cannot(const rig *g, int op) { return g->odd && g->device == 1 && op == 11; }

static double seconds_of(const rig *g, int op, int fast)
{
    double bound =
        fmax(ops[op].flop / devices[g->device].fma, ops[op].bytes / devices[g->device].triad);
    double share = devices[g->device].share * (1 - 0.05 * (op % 4)) * (fast ? 1.25 : 1);
    return (is_slow(g, op) ? 30 : 1) * bound / share + devices[g->device].launch;
}

static void numerics(rig *g, int op, const char *tier, int equal)
{
    const char *s = ops[op].subject;
    counted(g, "numerics", s, tier, "ulp max", "ULP",
            is_wrong(g, op) ? 3.4e6
            : equal         ? 3.5
                            : 41,
            "");
    counted(g, "numerics", s, tier, "ulp mean", "ULP", equal ? 0.41 : 0.9, "");
    counted(g, "numerics", s, tier, "equal", "", equal, "0123456789abcdef0123456789abcdef");
}

static void operation(rig *g, int op)
{
    const char *s = ops[op].subject;
    if (cannot(g, op)) {
        missing(g, "op", s, "exact", "seconds", "s", "64-bit integers are missing");
        return;
    }
    if (g->odd && g->device == 2 && op > 8) {
        missing(g, "op", s, "exact", "seconds", "s", "no time left");
        return;
    }
    for (int fast = 0; fast <= ops[op].fast; fast++) {
        const char *tier = fast ? "fast" : "exact";
        measured(g, "op", s, tier, "seconds", "s", seconds_of(g, op, fast), ops[op].kernel);
        counted(g, "op", s, tier, "flop", "FLOP", ops[op].flop, "");
        counted(g, "op", s, tier, "bytes", "B", ops[op].bytes, "");
        numerics(g, op, tier, fast ? g->device < 1 : !is_wrong(g, op));
    }
    if (ops[op].vendor && devices[g->device].vendor)
        measured(g, "op", s, "exact", "vendor seconds", "s", 0.7 * seconds_of(g, op, 0),
                 devices[g->device].vendor);
}

static void support(rig *g)
{
    static const char *const kinds[] = {"matmul", "conv", "reduce", "ewise",
                                        "copy",   "take", "put",    "rng"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        counted(g, "support", kinds[i], "", "support", "", g->odd && g->device == 2 && i == 6,
                g->odd && g->device == 2 && i == 6 ? "computed by cpu:0" : "");
    counted(g, "support", "window", "", "support", "", cannot(g, 11) ? 2 : 0,
            cannot(g, 11) ? "64-bit integers are missing" : "");
    if (is_wrong(g, 2))
        counted(g, "support", ops[2].subject, "", "support", "", 3,
                "off by 3.4e6 ULP at element 7");
}

static void step(rig *g, int w, const char *tier, double seconds)
{
    const char *s = workloads[w];
    const double gpu = g->device == 2 ? 0.5 : 0.05;
    measured(g, "step", s, tier, "seconds", "s", seconds, "");
    counted(g, "step", s, tier, "images", "", w ? 128 : 32, "");
    counted(g, "step", s, tier, "flop", "FLOP", w ? 1.1e9 : 2.3e9, "");
    counted(g, "step", s, tier, "bytes", "B", w ? 4e7 : 9e7, "");
    counted(g, "step", s, tier, "launches", "", w ? 23 : 41, "");
    measured(g, "step", s, tier, "kernel seconds", "s", (0.95 - gpu) * seconds, "");
    measured(g, "step", s, tier, "gap seconds", "s", gpu * seconds, "");
    measured(g, "step", s, tier, "host seconds", "s", 0.05 * seconds, "");
    counted(g, "step", s, tier, "device memory", "B", 3.1e7, "");
    counted(g, "step", s, tier, "host memory", "B", 9.4e7, "");
    counted(g, "step", s, tier, "plan cold", "s", g->device ? 3.6 : 0.012, "");
    counted(g, "step", s, tier, "plan warm", "s", g->device ? 0.21 : 0.009, "");
    counted(g, "step", s, tier, "tune", "s", g->device == 2 ? 14 : 0, "");
    if (g->device)
        missing(g, "step", s, tier, "energy", "J", "no sensor");
    else
        measured(g, "step", s, tier, "energy", "J", 0.3 * seconds * 100, "package-0");
}

static void training(rig *g)
{
    const double part = devices[g->device].fma * devices[g->device].share;
    for (int w = 0; w < 2; w++) {
        const double seconds = (w ? 1.1e9 : 2.3e9) / part + 20 * devices[g->device].launch;
        double exact[SEEDS], fast[SEEDS];
        step(g, w, "exact", 1.3 * seconds);
        step(g, w, "fast", seconds);
        for (int i = 0; i < SEEDS; i++) {
            exact[i] = (1 + 0.06 * i) * 1300 * seconds;
            fast[i] = (1 + 0.09 * ((i * 2) % SEEDS)) * 1000 * seconds;
        }
        put(g, 1, "memorize", workloads[w], "exact", "seconds", "s", 0, rk_spread_of(exact, SEEDS),
            "");
        put(g, 1, "memorize", workloads[w], "fast", "seconds", "s", 0, rk_spread_of(fast, SEEDS),
            "");
        double epochs[SEEDS] = {9, 9, 10, 8, 9};
        put(g, 1, "memorize", workloads[w], "exact", "epochs", "", 0, rk_spread_of(epochs, SEEDS),
            "");
        put(g, 1, "memorize", workloads[w], "fast", "epochs", "", 0, rk_spread_of(epochs, SEEDS),
            "");
    }
}

static void distance(rig *g)
{
    for (int i = 0; i <= 12; i++) {
        double steps = pow(10, i / 4.0), d = 6e-8 * pow(steps, 1.3);
        put(g, 1, "distance", workloads[1], "perturbed", "distance", "", round(steps),
            rk_spread_one(d), "");
        put(g, 1, "distance", workloads[1], "fast", "distance", "", round(steps),
            rk_spread_one(g->device ? d * (1.5 + g->device) : 0), "");
    }
}

static void machine(rig *g)
{
    const double drift = g->odd && g->device == 2 ? 0.91 : 1.004;
    for (int64_t p = 1; p <= PROCESSES; p++) {
        put(g, p, "machine", "", "", "drift", "", 0, rk_spread_one(drift + 0.001 * (double)p), "");
        put(g, p, "machine", "", "", "load", "", 0, rk_spread_one(g->odd ? 1.5 : 0.1), "");
    }
    if (g->device == 2)
        missing(g, "machine", "", "", "clock", "Hz", "not measured");
    else
        measured(g, "machine", "", "", "clock", "Hz", 3.1e9, "");
}

static void identity(rig *g)
{
    const int i = g->device;
    rk_bench_device d = {.bench = g->bench,
                         .device = i + 1,
                         .spec = devices[i].spec,
                         .name = devices[i].name,
                         .vendor = i == 2 ? "A vendor" : "AuthenticAMD",
                         .platform = i ? "Portable Computing Language" : "host",
                         .driver = devices[i].driver,
                         .backend = i ? "opencl 0.1.0" : "cpu 0.1.0, AVX2",
                         .type = devices[i].type,
                         .compiler = "gcc 12.2.0 -O3 -ffp-contract=off",
                         .processor = "AMD EPYC 7B13 64-Core Processor, 2 cores, 32 MiB L3",
                         .clocks = "governor unknown, 1500 to 3500 MHz",
                         .environment =
                             i ? "POCL_CACHE_DIR=/tmp/cache POCL_MAX_PTHREAD_COUNT=2" : "",
                         .system = "Linux 6.1.0-18, Debian GNU/Linux 12",
                         .tuning = "00112233445566778899aabbccddeeff",
                         .selftest = "exact",
                         .energy = i ? "not measured: no sensor" : "RAPL package-0",
                         .memory = INT64_C(16) << 30,
                         .threads = i ? 0 : 2};
    if (!g->failed && rk_results_bench_device(g->r, &d, &g->e) != RK_OK) g->failed = 1;
}

static void fill(rig *g, const char *host)
{
    rk_bench_record b = {.started = "2026-02-03T10:20:30.400Z",
                         .status = "running",
                         .size = "quick",
                         .version = "0.1.0",
                         .host = host,
                         .config = "{\"processes\":3,\"repeats\":5,\"seed\":1}"};
    if (rk_results_bench_add(g->r, &b, &g->e) != RK_OK) {
        g->failed = 1;
        return;
    }
    g->bench = b.id;
    for (g->device = 0; g->device < DEVICES; g->device++) {
        identity(g);
        roofline(g);
        for (int op = 0; op < N_OPS; op++) operation(g, op);
        support(g);
        training(g);
        distance(g);
        machine(g);
        if (!g->failed && rk_results_bench_values(g->r, g->value, g->n, &g->e) != RK_OK)
            g->failed = 1;
        g->n = 0;
    }
    if (!g->failed && rk_results_bench_finish(g->r, b.id, "done", &g->e) != RK_OK) g->failed = 1;
}

int main(int argc, char **argv)
{
    static rig g;
    g.odd = argc > 3;
    g.e = rk_error_new();
    if (argc < 3) return 2;
    if (rk_results_open(argv[1], false, &g.r, &g.e) == RK_OK) {
        fill(&g, argv[2]);
        rk_results_close(g.r);
    } else {
        g.failed = 1;
    }
    if (g.failed) fprintf(stderr, "%s\n", g.e.text);
    return g.failed;
}
