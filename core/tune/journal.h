/* journal.h: which choice is being tried right now, on the disk.
 *
 * A driver may kill the process, or hang the machine, over one kernel.  The file NAME.journal
 * beside the database NAME says over which: it is written and synchronized before a choice is
 * prepared or launched, and emptied after.  Whoever opens a journal that is not empty knows.  The
 * file is locked while it is open: one tuner at a time works on a database. */
#ifndef RK_TUNE_JOURNAL_H
#define RK_TUNE_JOURNAL_H
#include "device/tuning.h"

typedef struct rk_journal {
    int fd; /* -1: not open */
} rk_journal;

/* What a tuner that did not end was trying. */
typedef struct rk_journal_left {
    char backend[64], device[128], driver[128], class[RK_TUNING_CLASS], choice[64];
} rk_journal_left;

/* *left: whether there is something; *what holds it, all texts empty if it cannot be read. */
rk_status rk_journal_open(const char *database, rk_journal *out, bool *left, rk_journal_left *what,
                          rk_error *e);
rk_status rk_journal_begin(const rk_journal *j, const rk_tuning_key *key, const char *class,
                           const char *choice, rk_error *e);
rk_status rk_journal_end(const rk_journal *j, rk_error *e);
void rk_journal_close(rk_journal *j);
#endif
