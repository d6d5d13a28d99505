/* scratch.h: a folder of its own for each test program, removed at its end. */
#ifndef RK_TEST_SCRATCH_H
#define RK_TEST_SCRATCH_H
#include <stddef.h>

/* cmocka group setup and teardown. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* A path in the folder; overwritten by the sixteenth next call. */
const char *scratch(const char *name);
/* Writes a file. */
void scratch_write(const char *path, const void *data, size_t bytes);
/* Reads a file whole; the caller frees. */
char *scratch_read(const char *path, size_t *bytes);
#endif
