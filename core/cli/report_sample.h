/* report_sample.h: what the network was shown: training images as they were randomized. */
#ifndef RK_CLI_REPORT_SAMPLE_H
#define RK_CLI_REPORT_SAMPLE_H
#include "cli/report.h"
#include "cli/study.h"

/* A strip of the first training images of each variant's first run, made again from its record and
 * compared with it by digest; nothing of a data set that cannot be loaded here, or not in a
 * moment. */
void rk_report_samples(FILE *f, const rk_study *s);
/* "data:TYPE;base64,..." of bytes. */
void rk_report_data_uri(FILE *f, const char *type, const void *data, size_t bytes);
#endif
