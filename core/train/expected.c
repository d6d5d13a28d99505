#include "train/expected.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rk_spec_value(const char *spec, const char *key, char *out, size_t cap)
{
    size_t n = strlen(key);
    for (const char *at = spec; (at = strstr(at, key)); at += n) {
        bool begins = at > spec && (at[-1] == ':' || at[-1] == ',');
        if (!begins || at[n] != '=') continue;
        size_t length = strcspn(at + n + 1, ",+");
        snprintf(out, cap, "%.*s", (int)length, at + n + 1);
        return true;
    }
    return false;
}

/* The probability of the only transform of labels, 0 without one; NaN if it cannot be known. */
static double probability(const char *randomize)
{
    static const char name[] = "labels", other[] = "pixels";
    double p = 0;
    bool seen = false;
    char value[32];
    for (const char *at = randomize; *at; at += *at == '+') {
        size_t length = strcspn(at, "+"), head = strcspn(at, ":+");
        if (head == strlen(name) && strncmp(at, name, head) == 0) {
            if (seen) return NAN;
            seen = true;
            p = rk_spec_value(at, "p", value, sizeof value) ? strtod(value, NULL) : 1;
        } else if (head != strlen(other) || strncmp(at, other, head) != 0) {
            return NAN;
        }
        at += length;
    }
    return p;
}

rk_expected rk_expect_changed(const char *randomize, int64_t n, int64_t classes, double changed)
{
    double p = probability(randomize);
    if (isnan(p) || n < 1 || classes < 1) return (rk_expected){.fraction = NAN, .sigma = NAN};
    rk_expected x = {.known = true, .fraction = p * (1 - 1 / (double)classes)};
    x.sigma = sqrt(x.fraction * (1 - x.fraction) / (double)n);
    x.outside = fabs(changed - x.fraction) > 4 * x.sigma;
    return x;
}
