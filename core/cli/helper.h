/* helper.h: this program again, to compile what a run needs: device/helpers.h. */
#ifndef RK_CLI_HELPER_H
#define RK_CLI_HELPER_H
#include "cli/watch.h"

/* Lets a hub start helpers, and with a view show how far it is with kernels that take a while. */
rk_status rk_helper_use(rk_hub *hub, rk_view *v, rk_error *e);
/* The process that is a helper, "rethink compile --worker". */
int rk_helper_work(void);
#endif
