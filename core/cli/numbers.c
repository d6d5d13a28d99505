/* Lists of whole numbers: "1..5", "1,2,7..9". */
#include "base/text.h"
#include "cli/sweep.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 100000 };

/* What one list is read with. */
typedef struct reader {
    const char *option;
    int64_t lo, hi;
    rk_numbers *out;
    rk_error *e;
} reader;

static rk_status add(const reader *r, int64_t number)
{
    rk_numbers *out = r->out;
    for (uint32_t i = 0; i < out->n; i++)
        if (out->list[i] == number)
            return RK_FAIL(r->e, RK_E_INVALID, "--%s: %lld is there twice", r->option,
                           (long long)number);
    if (out->n == NUMBERS_MAX)
        return RK_FAIL(r->e, RK_E_INVALID, "--%s: more than %d numbers", r->option,
                       (int)NUMBERS_MAX);
    if ((out->n & (out->n - 1)) == 0) { /* room is made for 1, 2, 4, ... */
        int64_t *longer = realloc(out->list, (out->n ? 2 * out->n : 1) * sizeof *longer);
        if (!longer) return RK_FAIL(r->e, RK_E_NOMEM, "no memory for a list of numbers");
        out->list = longer;
    }
    out->list[out->n++] = number;
    return RK_OK;
}

/* "7" or "1..5". */
static rk_status read_part(const reader *r, char *part)
{
    int64_t first = 0, last = 0;
    char *dots = strstr(part, "..");
    if (dots) *dots = '\0';
    bool good = rk_parse_i64(part, &first) && (!dots || rk_parse_i64(dots + 2, &last));
    if (!dots) last = first;
    if (dots) *dots = '.';
    if (!good)
        return RK_FAIL(r->e, RK_E_INVALID,
                       "--%s: '%.64s' is no list of whole numbers, as 1..5 or 1,2,7", r->option,
                       part);
    if (first < r->lo || last > r->hi)
        return RK_FAIL(r->e, RK_E_INVALID, "--%s: '%.64s' is not from %lld to %lld", r->option,
                       part, (long long)r->lo, (long long)r->hi);
    if (first > last)
        return RK_FAIL(r->e, RK_E_INVALID, "--%s: '%.64s' ends before it begins", r->option, part);
    if (last - first >= NUMBERS_MAX)
        return RK_FAIL(r->e, RK_E_INVALID, "--%s: more than %d numbers", r->option,
                       (int)NUMBERS_MAX);
    for (int64_t i = first; i <= last; i++) RK_TRY(add(r, i));
    return RK_OK;
}

rk_status rk_numbers_parse(const char *option, const char *text, int64_t lo, int64_t hi,
                           rk_numbers *out, rk_error *e)
{
    reader r = {option, lo, hi, out, e};
    char *copy = strdup(text);
    rk_status status = RK_OK;
    rk_numbers_free(out);
    if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of numbers");
    for (char *part = copy; part && status == RK_OK;) {
        char *comma = strchr(part, ',');
        if (comma) *comma = '\0';
        status = read_part(&r, part);
        part = comma ? comma + 1 : NULL;
    }
    free(copy);
    if (status != RK_OK) rk_numbers_free(out);
    return status;
}

void rk_numbers_free(rk_numbers *n)
{
    free(n->list);
    *n = (rk_numbers){0};
}
