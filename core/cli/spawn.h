/* spawn.h: this program again, in a process of its own that may crash. */
#ifndef RK_CLI_SPAWN_H
#define RK_CLI_SPAWN_H
#include <jansson.h>
#include <sys/types.h>
#include "base/error.h"

/* File descriptors of a child; its standard input is the text that says what to do. */
enum { RK_FD_NOTES = 3, RK_FD_LOCK = 4 };

typedef struct rk_spawned {
    pid_t pid;
    int notes, text; /* what it says, and what it prints; reading does not wait */
} rk_spawned;

/* Starts "rethink COMMAND --worker" with an order; lock, unless it is -1, is a descriptor that the
 * child holds, too. */
rk_status rk_spawn(const char *command, const char *order, int lock, rk_spawned *out, rk_error *e);
/* "crashed: Segmentation fault", "ended with status 1", ...: what waitpid said. */
void rk_spawn_how(int status, char *how, size_t cap);

/* ---- the child's side ---- */

/* Descriptors are not passed on, and the kernel kills this process when its parent ends; it may
 * have ended already. */
rk_status rk_spawn_tie(int64_t parent, const char *whose, rk_error *e);
/* Lists of texts, as arrays in JSON; NULL without memory.  Texts are those of the array. */
json_t *rk_spawn_list(const char *const *list, uint32_t n);
const char **rk_spawn_texts(const json_t *list, uint32_t *n);
#endif
