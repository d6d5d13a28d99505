/* fake_root.h: folders that look like /proc and /sys, in scratch. */
#ifndef RK_TEST_FAKE_ROOT_H
#define RK_TEST_FAKE_ROOT_H

/* An empty one, until the next call. */
const char *new_root(void);
/* Writes the file root/path and the folders above it. */
void put(const char *root, const char *path, const char *text);
/* Fails unless both are the same number but for rounding. */
void near(double got, double want);
#endif
