/* expected.h: the corruption audit: how many labels a randomization should have changed. */
#ifndef RK_TRAIN_EXPECTED_H
#define RK_TRAIN_EXPECTED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of "key=" in a spec such as "mlp:layers=3,init=he", or in the first of specs joined by
 * '+' that has it; false if none has.  Into out, cut to cap bytes. */
bool rk_spec_value(const char *spec, const char *key, char *out, size_t cap);

typedef struct rk_expected {
    bool known;             /* the randomization is one that the paper defines, or none */
    double fraction, sigma; /* p (1 - 1 / classes), and its standard deviation over n labels */
    bool outside;           /* by more than 4 sigma: something is wrong with the randomization */
} rk_expected;
/* randomize: the text of a run's transforms; changed: the fraction that it changed. */
rk_expected rk_expect_changed(const char *randomize, int64_t n, int64_t classes, double changed);
#endif
