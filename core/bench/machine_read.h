/* machine_read.h: what the kernel says in /proc and /sys.  root: in front of both, "" but for
 * tests. */
#ifndef RK_BENCH_MACHINE_READ_H
#define RK_BENCH_MACHINE_READ_H
#include <stdbool.h>
#include <stddef.h>

/* A file's first line without its end, into out[bytes]; false if it cannot be read: errno says
 * why. */
bool rk_machine_line(const char *root, const char *path, char *out, size_t bytes);
/* The file is one number. */
bool rk_machine_number(const char *root, const char *path, double *out);
/* The text after the colon of the nth (from 0) line that begins with key, as in /proc/cpuinfo. */
bool rk_machine_field(const char *root, const char *path, const char *key, int nth, char *out,
                      size_t bytes);
/* Bytes that this process holds in memory: now, and the most since rk_machine_reset_peak; 0 if
 * nobody knows. */
double rk_machine_held(void);
double rk_machine_peak(void);
/* False if the kernel does not let it: then the peak is that since the process began. */
bool rk_machine_reset_peak(void);
#endif
