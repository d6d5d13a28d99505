/* child.h: work in a process of its own, which may crash or hang. */
#ifndef RK_CHECK_CHILD_H
#define RK_CHECK_CHILD_H
#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

typedef struct rk_child {
    pid_t pid;
    int fd; /* what it sends */
    bool late;
} rk_child;

/* Starts work(ctx, fd) in a copy of this process, which must have one thread and no driver loaded:
 * it writes to fd, and exits when work returns.  What it prints goes to stderr. */
rk_status rk_child_start(rk_child *c, void (*work)(void *ctx, int fd), void *ctx, rk_error *e);
/* For the child: false if nobody reads any more. */
bool rk_child_send(int fd, const void *data, size_t bytes);
/* Reads exactly so many bytes.  False if the child ended, or sent nothing for so many seconds. */
bool rk_child_read(rk_child *c, void *out, size_t bytes, double seconds);
/* Waits until it has ended; kills it if it is late.  how: "" if it exited as it should, else how it
 * ended, e.g. "crashed: Segmentation fault". */
void rk_child_end(rk_child *c, double seconds, char *how, size_t cap);
#endif
