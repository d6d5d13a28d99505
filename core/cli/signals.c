#include "cli/signals.h"
#include "cli/cli.h"
#include <signal.h>
#include <stddef.h>

enum { STOPPED_BY_SIGNAL = 128 };

/* The one global variable: a signal handler can reach no other. */
static volatile sig_atomic_t caught;

static void handle(int number) { caught = number; }

void rk_signals_catch(void)
{
    struct sigaction before, action = {.sa_handler = handle, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A terminal that is closed; nohup has it ignored. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

bool rk_signals_stopping(void) { return caught != 0; }

int rk_signals_status(bool failed)
{
    if (caught) return STOPPED_BY_SIGNAL + caught;
    return failed ? RK_CLI_FAILURE : 0;
}
