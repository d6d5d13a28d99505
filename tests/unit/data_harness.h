/* data_harness.h: data sets in tests, from the plugins of the build. */
#ifndef RK_TEST_DATA_HARNESS_H
#define RK_TEST_DATA_HARNESS_H
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/error.h"
#include "data/dataset.h"
#include "data/registry.h"

/* A registry of the folder RETHINK_TEST_PLUGINS alone; the test fails if it does not load whole. */
rk_registry *load_plugins(void);

/* An item with its parameters, freed by rk_spec_free; the test fails if there is none. */
rk_spec *parse_item(const rk_registry *r, uint32_t kind, const char *text);

/* Loads "synth16:n=5", transformed by "labels:p=1" or NULL; the test fails if that fails. */
rk_dataset *load_data(const rk_registry *r, const char *data, const char *transform, uint64_t seed,
                      rk_audit *audit);

/* The same for a data item of the test itself. */
rk_dataset *load_item(const rk_registry *r, const rk_item *item, int64_t limit,
                      const char *transform, uint64_t seed, rk_audit *audit);

/* Loads data that must be refused, with all of the given texts (up to a NULL) in one line. */
void expect_refused(const rk_registry *r, const char *data, const char *const *said);
#define EXPECT_REFUSED(r, data, ...)                                                               \
    expect_refused(r, data, (const char *const[]){__VA_ARGS__, NULL})

/* Where the real data sets of the tests are, or NULL: RETHINK_TEST_DATA. */
const char *real_data(void);
#endif
