/* search.h: the search for one op. */
#ifndef RK_TUNE_SEARCH_H
#define RK_TUNE_SEARCH_H
#include "tune/journal.h"
#include "tune/trial.h"
#include "tune/tune.h"

typedef struct rk_search {
    const rk_tune_options *options;
    const rk_tune_watch *watch;
    const rk_journal *journal;
    rk_tuning *known;
    rk_open *device, *reference;
    rk_tuning_key key;
    bool exact;
} rk_search;

bool rk_search_stopping(const rk_search *s);
__attribute__((format(printf, 2, 3))) void rk_search_line(const rk_search *s, const char *format,
                                                          ...);
/* Puts the best choice, and those that are wrong, into s->known.  RK_E_UNSUPPORTED: nothing to
 * choose, or not to be tried.  RK_E_STOPPED: nothing is known of the op. */
rk_status rk_search_op(const rk_search *s, const rk_tune_op *op, rk_tune_result *out, rk_error *e);
#endif
