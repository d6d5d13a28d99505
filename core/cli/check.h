/* check.h: the check command: its arguments, and what it prints. */
#ifndef RK_CLI_CHECK_H
#define RK_CLI_CHECK_H
#include "check/check.h"
#include "cli/cli.h"

typedef struct rk_check_arguments {
    const char *target, *name, *kinds, *option[RK_BED_OPTIONS + 1], **backends;
    uint32_t n_options, n_backends;
    rk_level level; /* RK_LEVEL_NONE: none was asked for */
    double seconds;
    bool json, verbose, quick, list;
    rk_error e;
} rk_check_arguments;

/* What is printed while devices are checked, and after. */
typedef struct rk_check_report rk_check_report;
rk_check_report *rk_check_report_new(const rk_check_arguments *a); /* NULL without memory */
/* Runs the selected cases on one device and tells of them. */
rk_status rk_check_report_device(rk_check_report *r, const rk_check_device *d, const bool *selected,
                                 rk_error *e);
/* *met: so was every device. */
rk_status rk_check_report_end(rk_check_report *r, bool *met, rk_error *e);
void rk_check_report_free(rk_check_report *r);
#endif
