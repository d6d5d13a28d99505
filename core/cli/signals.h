/* signals.h: Ctrl-C and SIGTERM as a question that is asked now and then. */
#ifndef RK_CLI_SIGNALS_H
#define RK_CLI_SIGNALS_H
#include <stdbool.h>

enum { RK_STOPPED_BY_SIGNAL = 128 }; /* exit status, plus the signal's number */

/* From now on the first SIGINT and the first SIGTERM are only noted; a second one has its usual
 * effect. */
void rk_signals_catch(void);
/* The signal that came, 0: none. */
int rk_signals_caught(void);
bool rk_signals_stopping(void);
#endif
