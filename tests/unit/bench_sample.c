#include "bench_sample.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/error.h"

enum { DEVICES = 2, PROCESSES = 3, REPEATS = 5 };

rk_bench_device bench_sample_device(int64_t bench, int64_t device)
{
    bool cpu = device == 1;
    return (rk_bench_device){.bench = bench,
                             .device = device,
                             .spec = cpu ? "cpu:0" : "opencl:0.0",
                             .name = cpu ? "a processor" : "a <graphics> & processor",
                             .vendor = cpu ? "unknown" : "a vendor",
                             .platform = cpu ? "unknown" : "Portable Computing Language",
                             .driver = cpu ? "unknown" : "3.1",
                             .backend = cpu ? "cpu 1.0" : "opencl 1.0",
                             .type = cpu ? "cpu" : "gpu",
                             .compiler = "gcc 12.2",
                             .processor = "a processor, 2 cores, 32 MiB of cache",
                             .clocks = "performance, 800 to 3400 MHz",
                             .environment = cpu ? "" : "POCL_CACHE_DIR=/tmp/cache",
                             .system = "Linux 6.1, Debian 12",
                             .tuning = "0123456789abcdef0123456789abcdef",
                             .selftest = "exact",
                             .energy = cpu ? "package-0" : "not measured: no sensor",
                             .memory = INT64_C(8) << 30,
                             .threads = cpu ? 2 : 0};
}

#define MATMUL "matmul 128x512x784"
#define CONV "conv y 128x3x28x28, 96x3x3x3"
#define MLP "mlp:layers=3, batch 128"
#define CNN "cnn, batch 32"
enum { ONCE = 1 }; /* one number, of the first process */

/* What was measured of each device: NAN is what could not be, for the reason. */
static const struct {
    const char *suite, *subject, *tier, *name, *unit;
    double x, of[DEVICES];
    int once;
    const char *text[DEVICES];
} values[] = {
    {"roofline", "", "", "fma", "FLOP/s", 0, {1e11, 1.5e12}, 0, {"width 8, 12 chains", "width 4"}},
    {"roofline", "width 8, 12 chains", "", "fma", "FLOP/s", 0, {1e11, 1.2e12}, 0, {"", ""}},
    {"roofline", "width 4, 8 chains", "", "fma", "FLOP/s", 0, {5e10, 1.5e12}, 0, {"", ""}},
    {"roofline", "", "", "triad", "B/s", 0, {2e10, 2e11}, 0, {"16777216 elements", ""}},
    {"roofline", "", "", "local", "B/s", 0, {NAN, 9e11}, 0, {"no local memory", ""}},
    {"roofline", "", "", "product", "FLOP/s", 0, {8e10, 9e11}, 0, {"1024x1024x1024", "2048"}},
    {"roofline", "", "", "launch", "s", 0, {2e-7, 5e-6}, 0, {"", ""}},
    {"roofline", "", "", "launch and wait", "s", 0, {3e-7, 4e-5}, 0, {"", ""}},
    {"roofline", "", "", "upload", "B/s", 0, {1e10, 6e9}, 0, {"", ""}},
    {"roofline", "", "", "download", "B/s", 0, {1.1e10, 5e9}, 0, {"", ""}},
    {"roofline", "", "", "upload pinned", "B/s", 0, {NAN, 1.2e10}, 0, {"no such memory", ""}},
    {"roofline", "", "", "download pinned", "B/s", 0, {NAN, 1.3e10}, 0, {"no such memory", ""}},
    {"op", MATMUL, "exact", "seconds", "s", 0, {2e-3, 2e-4}, 0, {"tile 6x16", "tile 64x64"}},
    {"op", MATMUL, "exact", "flop", "FLOP", 0, {102760448, 102760448}, ONCE, {"", ""}},
    {"op", MATMUL, "exact", "bytes", "B", 0, {2269184, 2269184}, ONCE, {"", ""}},
    {"op", MATMUL, "exact", "vendor seconds", "s", 0, {1.5e-3, NAN}, 0, {"OpenBLAS 0.3", "none"}},
    {"op", MATMUL, "fast", "seconds", "s", 0, {1.8e-3, 1.5e-4}, 0, {"tile 6x16", "CLBlast"}},
    {"op", MATMUL, "fast", "flop", "FLOP", 0, {102760448, 102760448}, ONCE, {"", ""}},
    {"op", MATMUL, "fast", "bytes", "B", 0, {2269184, 2269184}, ONCE, {"", ""}},
    {"op", CONV, "exact", "seconds", "s", 0, {8e-3, NAN}, 0, {"direct", "the kernel is wrong"}},
    {"op", CONV, "exact", "flop", "FLOP", 0, {520224768, 520224768}, ONCE, {"", ""}},
    {"op", CONV, "exact", "bytes", "B", 0, {39748224, 39748224}, ONCE, {"", ""}},
    {"numerics", MATMUL, "exact", "ulp max", "ULP", 0, {3.5, 3.5}, ONCE, {"", ""}},
    {"numerics", MATMUL, "exact", "ulp mean", "ULP", 0, {0.4, 0.4}, ONCE, {"", ""}},
    {"numerics", MATMUL, "exact", "equal", "", 0, {1, 1}, ONCE, {"00ff", "00ff"}},
    {"numerics", MATMUL, "fast", "ulp max", "ULP", 0, {3.5, 12}, ONCE, {"", ""}},
    {"numerics", MATMUL, "fast", "ulp mean", "ULP", 0, {0.4, 0.6}, ONCE, {"", ""}},
    {"numerics", MATMUL, "fast", "equal", "", 0, {1, 0}, ONCE, {"00ff", "ab12"}},
    {"numerics", CONV, "exact", "ulp max", "ULP", 0, {2, 1e6}, ONCE, {"", "element 7"}},
    {"numerics", CONV, "exact", "ulp mean", "ULP", 0, {0.3, 20}, ONCE, {"", ""}},
    {"numerics", CONV, "exact", "equal", "", 0, {1, 0}, ONCE, {"77aa", "1234"}},
    {"support", "matmul", "", "support", "", 0, {0, 0}, ONCE, {"", ""}},
    {"support", "conv", "", "support", "", 0, {0, 3}, ONCE, {"", "off by 1e6 ULP at element 7"}},
    {"support", "window", "", "support", "", 0, {0, 1}, ONCE, {"", "computed by cpu:0"}},
    {"support", "rng", "", "support", "", 0, {0, 2}, ONCE, {"", "64-bit integers are missing"}},
    {"step", MLP, "exact", "seconds", "s", 0, {4e-3, 9e-4}, 0, {"", ""}},
    {"step", MLP, "exact", "images", "", 0, {128, 128}, ONCE, {"", ""}},
    {"step", MLP, "exact", "flop", "FLOP", 0, {1.5e9, 1.5e9}, ONCE, {"", ""}},
    {"step", MLP, "exact", "bytes", "B", 0, {2e7, 2e7}, ONCE, {"", ""}},
    {"step", MLP, "exact", "launches", "", 0, {23, 23}, ONCE, {"", ""}},
    {"step", MLP, "exact", "kernel seconds", "s", 0, {3.6e-3, 6e-4}, 0, {"", ""}},
    {"step", MLP, "exact", "gap seconds", "s", 0, {1e-4, 2e-4}, 0, {"", ""}},
    {"step", MLP, "exact", "host seconds", "s", 0, {3e-4, 1e-4}, 0, {"", ""}},
    {"step", MLP, "exact", "device memory", "B", 0, {3e7, 3.2e7}, ONCE, {"", ""}},
    {"step", MLP, "exact", "host memory", "B", 0, {6e7, 9e7}, ONCE, {"", ""}},
    {"step", MLP, "exact", "plan cold", "s", 0, {0.01, 3.5}, ONCE, {"", ""}},
    {"step", MLP, "exact", "plan warm", "s", 0, {0.008, 0.2}, 0, {"", ""}},
    {"step", MLP, "exact", "tune", "s", 0, {0, 12}, ONCE, {"", ""}},
    {"step", MLP, "exact", "energy", "J", 0, {0.05, NAN}, 0, {"package-0", "no sensor"}},
    {"step", MLP, "fast", "seconds", "s", 0, {3.8e-3, 7e-4}, 0, {"", ""}},
    {"step", MLP, "fast", "images", "", 0, {128, 128}, ONCE, {"", ""}},
    {"step", CNN, "exact", "seconds", "s", 0, {0.02, NAN}, 0, {"", "conv is wrong"}},
    {"step", CNN, "exact", "images", "", 0, {32, NAN}, ONCE, {"", "conv is wrong"}},
    {"memorize", MLP, "exact", "seconds", "s", 0, {2.5, 0.6}, ONCE, {"", ""}},
    {"memorize", MLP, "exact", "epochs", "", 0, {9, 9}, ONCE, {"", ""}},
    {"memorize", MLP, "fast", "seconds", "s", 0, {2.4, 0.5}, ONCE, {"", ""}},
    {"memorize", MLP, "fast", "epochs", "", 0, {9, 10}, ONCE, {"", ""}},
    {"distance", MLP, "fast", "distance", "", 1, {0, 1e-7}, ONCE, {"", ""}},
    {"distance", MLP, "fast", "distance", "", 10, {0, 3e-6}, ONCE, {"", ""}},
    {"distance", MLP, "fast", "distance", "", 100, {0, 2e-4}, ONCE, {"", ""}},
    {"distance", MLP, "perturbed", "distance", "", 1, {5e-8, 6e-8}, ONCE, {"", ""}},
    {"distance", MLP, "perturbed", "distance", "", 10, {2e-6, 2e-6}, ONCE, {"", ""}},
    {"distance", MLP, "perturbed", "distance", "", 100, {1e-4, 1e-4}, ONCE, {"", ""}},
    {"machine", "", "", "drift", "", 0, {1.01, 1.09}, 0, {"", ""}},
    {"machine", "", "", "load", "", 0, {1, 2}, 0, {"", ""}},
    {"machine", "", "", "clock", "Hz", 0, {2.1e9, NAN}, 0, {"", "not measured"}}};
enum { N = sizeof values / sizeof *values };

/* Repetitions a few per cent apart; processes too. */
static rk_spread spread(double value, int64_t process, int once)
{
    double x[REPEATS];
    if (isnan(value)) return rk_spread_of(x, 0);
    if (once) return rk_spread_one(value);
    for (int i = 0; i < REPEATS; i++)
        x[i] = value * (1 + 0.01 * (double)i) * (1 + 0.02 * (double)(process - 1));
    return rk_spread_of(x, REPEATS);
}

static uint32_t fill(rk_bench_value *out, int64_t bench, int64_t device, int64_t process)
{
    uint32_t n = 0;
    for (int i = 0; i < N; i++)
        if (process == 1 || !values[i].once)
            out[n++] = (rk_bench_value){
                .bench = bench,
                .device = device,
                .process = process,
                .suite = values[i].suite,
                .subject = values[i].subject,
                .tier = values[i].tier,
                .name = values[i].name,
                .unit = values[i].unit,
                .text = values[i].text[device - 1],
                .x = values[i].x,
                .spread = spread(values[i].of[device - 1], process, values[i].once)};
    return n;
}

int64_t bench_sample(rk_results *r, const char *host)
{
    rk_bench_value v[N];
    rk_error e = rk_error_new();
    rk_bench_record b = {.started = "2026-01-02T03:04:05.678Z",
                         .size = "quick",
                         .version = "0.1",
                         .host = host,
                         .config = "{\"processes\":3,\"repeats\":5}"};
    if (rk_results_bench_add(r, &b, &e) != RK_OK) fail_msg("%s", e.text);
    for (int64_t device = 1; device <= DEVICES; device++) {
        rk_bench_device d = bench_sample_device(b.id, device);
        if (rk_results_bench_device(r, &d, &e) != RK_OK) fail_msg("%s", e.text);
        for (int64_t p = 1; p <= PROCESSES; p++)
            if (rk_results_bench_values(r, v, fill(v, b.id, device, p), &e) != RK_OK)
                fail_msg("%s", e.text);
    }
    if (rk_results_bench_finish(r, b.id, "done", &e) != RK_OK) fail_msg("%s", e.text);
    return b.id;
}
