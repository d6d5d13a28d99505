/* portability.h: how well one application does on a set of platforms.
 *
 * A problem is a subject of the suites 'op', 'step', 'memorize'; an application is 'rethink exact',
 * 'rethink fast', or 'vendor library', whichever it was on each device; a platform is a device of
 * a host.  The figure of merit is time: the median of the medians of processes (aggregate.h).
 *
 * Two efficiencies, as of Pennycook, Sewall and Lee, "A metric for performance portability", 2016
 * (arXiv 1611.07409), and "Implications of a metric for performance portability", FGCS 92, 2019:
 *   application    the best time of any application of this problem on this platform, over its own
 *   architectural  the least time that the measured roofline allows, the larger of flop / fma and
 *                  bytes / triad, over its own: the same as its rate over min(fma, intensity x
 *                  triad).  Data that stay in a cache go faster than triad: then it is 1, and
 *                  'roof' tells how far
 * The metric is the harmonic mean over the set H of platforms, and 0 if one of them is not
 * supported.  As a zero hides what the others do (Marowka, "Reformulation of the performance
 * portability metric", 2022), the metric over the supported subset and the arithmetic mean over it
 * are told beside it.  A platform supports a problem if the application ran and was right: a time
 * for wrong numbers counts for nothing.  The same numbers come of p3-analysis, for which
 * efficiencies that are not there are 0 too.
 * Cascade: Sewall, Pennycook, Jacobsen, Deakin, McIntosh-Smith, "Interpreting and visualizing
 * performance portability metrics", P3HPC 2020: efficiencies from the best platform on, and the
 * metric over those so far. */
#ifndef RK_BENCH_PORTABILITY_H
#define RK_BENCH_PORTABILITY_H
#include "base/pool.h"
#include "bench/aggregate.h"

typedef enum rk_application { RK_APP_EXACT, RK_APP_FAST, RK_APP_VENDOR, RK_APPS } rk_application;
typedef enum rk_efficiency { RK_EFF_APPLICATION, RK_EFF_ARCHITECTURAL, RK_EFFS } rk_efficiency;
/* Of a problem, an application and a platform. */
typedef enum rk_merit_state {
    RK_NOT_TRIED,   /* nobody asked, or time ran out */
    RK_UNSUPPORTED, /* the device cannot */
    RK_WRONG,       /* it ran, and its numbers are wrong: other bits than the reference's in exact
                       numerics, or an error beyond what the tier allows */
    RK_RAN
} rk_merit_state;

typedef struct rk_platform {
    const rk_bench *bench;
    const rk_bench_device *device;
    const char *name;  /* "NAME (SPEC) at HOST", and what else tells it from the others */
    const char *label; /* the same without the host, if all have one host */
} rk_platform;

typedef struct rk_problem {
    const char *suite, *subject;
    uint32_t tried; /* platforms on which some application did not stay RK_NOT_TRIED */
} rk_problem;

typedef struct rk_merit {
    rk_merit_state state;
    double seconds;             /* NaN unless it ran, right or wrong */
    double efficiency[RK_EFFS]; /* 0 to 1; 0 unless RK_RAN; NaN: it ran, but flop, bytes or the
                                    roofline were not measured */
    double roof;                /* the architectural efficiency, not held at 1 */
    double flop, bytes;         /* counted; NaN if not */
    const char *text;           /* the kernel, the library, or why not */
} rk_merit;

/* Over platforms: NaN where an efficiency is. */
typedef struct rk_metric {
    double full;        /* Pennycook's metric over all platforms */
    double supported;   /* over those that are supported; NaN if none is */
    double mean;        /* arithmetic, over the same */
    uint32_t platforms; /* that are supported */
} rk_metric;

typedef struct rk_cascade_step {
    uint32_t platform;
    double efficiency, metric; /* metric: of the platforms so far */
} rk_cascade_step;

typedef struct rk_portability {
    rk_platform *platform;
    rk_problem *problem; /* by suite: op, step, memorize; then by subject */
    rk_merit *merit;     /* [problem][application][platform] */
    uint32_t n_platforms, n_problems;
    rk_pool pool;
} rk_portability;

/* Of several benches, as of a file into which those of several machines were merged.  A platform
 * that is in several is taken from one that is done, of those from the one with most suites, and of
 * those from the last.  The benches must outlive it, their values are in the order that
 * rk_results_bench gives. */
rk_status rk_portability_make(const rk_bench *const *bench, uint32_t n, rk_portability *out,
                              rk_error *e);
void rk_portability_free(rk_portability *p);

/* "rethink exact", "rethink fast", "vendor library". */
const char *rk_application_name(rk_application a);
const rk_merit *rk_portability_merit(const rk_portability *p, uint32_t problem, rk_application a,
                                     uint32_t platform);
/* True if it has a time of any problem of the suite (NULL: of any) on any platform. */
bool rk_portability_has(const rk_portability *p, const char *suite, rk_application a);
rk_metric rk_portability_metric(const rk_portability *p, uint32_t problem, rk_application a,
                                rk_efficiency which);
/* Of any efficiencies, 0 where a platform is not supported. */
rk_metric rk_metric_of(const double *efficiency, uint32_t n);

/* All problems of a suite as one, each solved once: their least times over their times, in sum.  Of
 * the problems that were tried on every platform, and by the application somewhere; 0 if one is not
 * supported, NaN if there is none or one is not known. */
double rk_portability_overall(const rk_portability *p, const char *suite, rk_application a,
                              uint32_t platform, rk_efficiency which);
/* Sorts by efficiency, best first, then by platform; step has room for n. */
void rk_cascade_of(const double *efficiency, uint32_t n, rk_cascade_step *step);
#endif
