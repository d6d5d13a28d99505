/* check.h: is a backend right?  The conformance suite.
 *
 * Cases are run in child processes, several of a kind in one, until one of them fails, crashes or
 * hangs: then it is that case that failed, and the next ones get a new process.  Nothing of a
 * backend is ever loaded into the process that calls this.
 *
 * A backend declares its level by what its prepare answers: it promises to compute what it does not
 * refuse, exactly unless the kernel says that it is of the fast tier.  The level that it reaches is
 * the highest of which everything holds; a case that fails leaves it none. */
#ifndef RK_CHECK_CHECK_H
#define RK_CHECK_CHECK_H
#include "check/bed.h"
#include "device/load.h"

typedef enum rk_level {
    RK_LEVEL_NONE,          /* something is wrong, or nothing is supported */
    RK_LEVEL_LOADS,         /* what it computes is right; some kinds it refuses, with a reason */
    RK_LEVEL_ALL_KINDS,     /* it computes all nine kinds, perhaps without programs on them */
    RK_LEVEL_DETERMINISTIC, /* and gives the same bits each time */
    RK_LEVEL_EXACT          /* and those of the contract of the exact tier */
} rk_level;
const char *rk_level_name(rk_level level); /* "none", "loads", "all-kinds", ... */
bool rk_level_parse(const char *text, rk_level *out);

/* ---- devices --------------------------------------------------------------------------------- */

typedef struct rk_check_device {
    char path[4096], backend[64], version[64], spec[128];
    uint32_t index; /* for the backend's open */
    rk_devinfo info;
} rk_check_device;

/* The devices that target means: a file's own if it has a '/' or ends in ".so", else the one that
 * the spec names, of the backends that rethink finds and of the files in extra.  option is as in
 * rk_check_options; out has room for RK_BACKEND_DEVICES.  An error says why the backend cannot be
 * loaded, or has no device, or more than that, or that one cannot be opened. */
rk_status rk_check_find(const char *target, const char *const *extra, uint32_t n_extra,
                        const char *const *option, double seconds, rk_check_device *out,
                        uint32_t *n, rk_error *e);

/* ---- cases ----------------------------------------------------------------------------------- */

typedef struct rk_check_case {
    const char *kind, *doc;
    char name[48];        /* "matmul/sizes" */
    bool needed, service; /* for level all-kinds; on every level */
} rk_check_case;
uint32_t rk_check_cases(void);
rk_check_case rk_check_case_at(uint32_t i);

typedef enum rk_verdict {
    RK_VERDICT_NONE, /* it was not asked for */
    RK_VERDICT_OK,
    RK_VERDICT_UNSUPPORTED, /* at least one op was refused */
    RK_VERDICT_FAILED
} rk_verdict;
const char *rk_verdict_name(rk_verdict v);

typedef struct rk_case_result {
    rk_verdict verdict;
    double seconds;
    rk_outcome outcome;
} rk_case_result;

typedef struct rk_check_options {
    const char *const *option; /* "key=value" for the backend; NULL-terminated, or NULL */
    const bool *selected;      /* [rk_check_cases()] */
    bool quick;
    double seconds; /* a case may take */
    /* Called when a case begins, and with its result when it has ended; may be NULL. */
    void (*watch)(void *ctx, uint32_t i, const rk_case_result *r);
    void *ctx;
} rk_check_options;

/* Runs the selected cases: result[i] is of case i.  Only what the suite itself lacks is an
 * error. */
rk_status rk_check_run(const rk_check_device *d, const rk_check_options *o, rk_case_result *result,
                       rk_error *e);

/* ---- coverage -------------------------------------------------------------------------------- */

/* What became of the cases of one kind; "device" and "illegal" are among the kinds. */
typedef struct rk_coverage {
    const char *kind;
    uint32_t cases, ok, failed, unsupported, kernels; /* kernels: cases that run any */
    uint32_t exact, fast, refused, in_place;          /* ops */
    bool lacks;                                       /* a case that level all-kinds needs */
    bool programs; /* none of those that it does not need was refused */
    float ulp;
    const char *impl, *reason; /* the results' own */
} rk_coverage;
enum { RK_COVERAGES = 16 };

typedef struct rk_check_summary {
    rk_level level, asked;
    bool met;
    rk_coverage kind[RK_COVERAGES];
    uint32_t n_kinds, cases, ok, failed, unsupported;
    char why[400]; /* what keeps it from the next level, or from the one asked for */
} rk_check_summary;
/* asked: RK_LEVEL_NONE asks for what the backend itself declares. */
void rk_check_sum_up(const rk_case_result *result, rk_level asked, rk_check_summary *out);
#endif
