/* signals.h: Ctrl-C, SIGTERM and SIGHUP as a question that is asked now and then. */
#ifndef RK_CLI_SIGNALS_H
#define RK_CLI_SIGNALS_H
#include <stdbool.h>

/* From now on the first SIGINT, the first SIGTERM and, unless it was ignored, the first SIGHUP are
 * only noted; a second one has its usual effect. */
void rk_signals_catch(void);
bool rk_signals_stopping(void);
/* Exit status of a command whose runs may have failed; 128 and its number if a signal came. */
int rk_signals_status(bool failed);
#endif
