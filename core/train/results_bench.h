/* results_bench.h: what `rethink bench` measured, in a results file.
 *
 * Three tables, since schema 5.
 *   benches        one row a call: id, started, status ('running', 'done', 'stopped', 'failed'),
 *                  size ('quick', 'normal', 'full'), version, host (the machine's name), config
 *                  (JSON: all options)
 *   bench_devices  the devices of a bench, and all that identifies them: bench, device (its number,
 *                  from 1), spec, ... as rk_bench_device
 *   bench_values   bench, device, process (which start of a process, from 1; 0: of none), suite,
 *                  subject, tier, name, x, then unit, the fields of the spread, and text
 * Units are SI without prefix: seconds, bytes, FLOP; rates are a second's.
 *
 * The vocabulary (subject and tier are '' where none is said; a value that could not be measured
 * has n = 0 and the reason as its text):
 *   suite 'roofline'   name 'fma' (FLOP/s), 'triad', 'read', 'local' (B/s), 'product' (FLOP/s,
 *                      the best matrix product), 'launch', 'launch and wait' (s), 'upload',
 *                      'download', 'upload pinned', 'download pinned' (B/s); text says how it was
 *                      reached.  'triad' counts its three arrays, 'read' reads one and adds up.
 *                      Subject 'VARIANT' of the same names: one of the candidates, e.g. 'width 8,
 *                      12 chains'.
 *   suite 'op'         subject an operation and its shape, 'matmul 128x512x784',
 *                      'conv y 128x3x28x28, 96x3x3x3'; tier 'exact' or 'fast'.  'seconds' (text:
 *                      the kernel), 'flop', 'bytes' (counted; unit FLOP, B), 'vendor seconds'
 *                      (text: the library and its version)
 *   suite 'numerics'   subject and tier as of 'op'.  'ulp max', 'ulp mean' (unit ULP as in
 *                      rk_kinfo.ulp: the distance from float64 over 2^-23 times the magnitudes of
 *                      all terms; text: of which smaller shape), 'equal' (1 or 0: bits as the
 *                      reference's; text: the digest, or the first element that differs)
 *   suite 'support'    subject a kind of operation ('conv dx') or an op as of 'op'; 'support':
 *                      0 ok, 1 fallback (computed, but what follows it not in the same kernel),
 *                      2 unsupported, 3 wrong; text: the reason, or the first wrong element.  Of an
 *                      op that was judged tier is as of 'op': other bits than the reference's in
 *                      exact numerics, an error beyond the kernel's claim in fast ones
 *   suite 'step'       subject a workload, 'mlp:layers=3, batch 128'; tier.  'seconds', 'images'
 *                      (of a step; counted), 'flop', 'bytes', 'launches', 'kernel seconds',
 *                      'gap seconds', 'host seconds', 'device memory', 'host memory' (B, peak),
 *                      'plan cold', 'plan warm', 'tune' (s), 'energy' (J a step; text: the sensor).
 *                      'host seconds': until a step is enqueued; 'kernel seconds': its launches in
 *                      a row where the device times kernels, else waited for one by one (text:
 *                      which); 'gap seconds': the step without them, at least 0;
 *                      'plan': device opened, programs compiled, the first step's excess
 *   suite 'memorize'   subject a workload; tier.  'seconds', 'epochs' to 100 % training accuracy on
 *                      random labels: the spread is over seeds that fit (text: which do not);
 *                      'fit': 1 or 0, over all seeds
 *   suite 'distance'   subject a workload; tier 'fast' or 'perturbed' (the exact run that began one
 *                      ULP away).  'distance' of the weights to those of the exact run, relative,
 *                      at x steps
 *   suite 'machine'    'drift' (the last matrix product's rate over the first's, one a process),
 *                      'load' (runnable processes), 'clock' (Hz), 'others' (the fraction of the
 *                      processors' time that other programs used); subject 'host': 'drift' of the
 *                      fma chains of one of its threads;
 *                      'failed' (subject: the suite in which a process failed, crashed or hung, ''
 *                      before the first; n = 0; text: why) */
#ifndef RK_TRAIN_RESULTS_BENCH_H
#define RK_TRAIN_RESULTS_BENCH_H
#include "base/spread.h"
#include "train/results.h"

typedef struct rk_bench_record {
    int64_t id;
    const char *started, *status, *size, *version, *host, *config;
} rk_bench_record;

/* Texts say "unknown" or "not measured" where nothing was found out. */
typedef struct rk_bench_device {
    int64_t bench, device;
    const char *spec, *name, *vendor, *platform, *driver, *backend; /* backend: name and version */
    const char *type;                                               /* cpu, gpu, other */
    const char *compiler;    /* that built rethink and the backend */
    const char *processor;   /* of the host: model, cores, caches */
    const char *clocks;      /* governor, least and most MHz */
    const char *environment; /* variables that change results or speed: "A=b C=d" */
    const char *system;      /* kernel and distribution */
    const char *tuning;      /* digest of the tuner's database */
    const char *selftest;    /* "exact", or why not */
    const char *energy;      /* the sensor, or why there is none */
    int64_t memory;          /* bytes of the device */
    int64_t threads;         /* that were asked for, 0: the backend's own choice */
} rk_bench_device;

typedef struct rk_bench_value {
    int64_t bench, device, process;
    const char *suite, *subject, *tier, *name, *unit, *text;
    double x; /* of a curve, else 0 */
    rk_spread spread;
} rk_bench_value;

/* Adds a bench with status 'running'; sets its id. */
rk_status rk_results_bench_add(rk_results *r, rk_bench_record *bench, rk_error *e);
rk_status rk_results_bench_finish(rk_results *r, int64_t id, const char *status, rk_error *e);
/* Replaces what has the same keys. */
rk_status rk_results_bench_device(rk_results *r, const rk_bench_device *d, rk_error *e);
/* One transaction. */
rk_status rk_results_bench_values(rk_results *r, const rk_bench_value *v, uint32_t n, rk_error *e);

/* A bench as it is stored: devices in their order, values by device, suite, subject, tier, name, x,
 * process.  Owned by the caller: rk_bench_free. */
typedef struct rk_bench {
    rk_bench_record record;
    rk_bench_device *device;
    rk_bench_value *value;
    uint32_t n_device, n_value;
    void *texts;
} rk_bench;
/* Ids of all benches, ascending; *ids is freed by free().  None in a file of an older schema. */
rk_status rk_results_benches(rk_results *r, int64_t **ids, uint32_t *n, rk_error *e);
rk_status rk_results_bench(rk_results *r, int64_t id, rk_bench **out, rk_error *e);
void rk_bench_free(rk_bench *b);
#endif
