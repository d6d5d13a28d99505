/* os.h: files, folders, the clock. */
#ifndef RK_BASE_OS_H
#define RK_BASE_OS_H
#include <stdbool.h>
#include "base/error.h"

enum { RK_PATH_MAX = 4096 };

/* "folder/name" into out[RK_PATH_MAX]; false if it is too long. */
bool rk_os_join(char *out, const char *folder, const char *name);
/* Makes a folder and those above it, with mode 0777 less the umask; fine if it is there already. */
rk_status rk_os_mkdirs(const char *path, rk_error *e);
/* Replaces a file as one act: readers see the old bytes or the new ones, also after a power loss.
 * The new file is a hidden one beside it until it is complete and on the disk; it keeps the mode of
 * the old one.  A link stays, and the file that it leads to is replaced.  What is there and is no
 * file, as a device or a pipe, is written as it is. */
rk_status rk_os_write_atomic(const char *path, const void *data, size_t bytes, rk_error *e);
/* A new name is on the disk once the folder that it is in is: path names the file.  Fine on file
 * systems that cannot do it. */
rk_status rk_os_sync_folder(const char *path, rk_error *e);
/* The folder of things that may be deleted any time: RETHINK_CACHE_DIR, XDG_CACHE_HOME/rethink or
 * HOME/.cache/rethink, into out[RK_PATH_MAX].  False if there is none, or RETHINK_CACHE_DIR=off. */
bool rk_os_cache_dir(char *out);
/* Locks an open file or folder for the process (flock), against all others or those that write;
 * waits at most so long.  0, or errno: EWOULDBLOCK if another process has it. */
int rk_os_lock(int fd, bool against_all, int ms);
/* A clock for durations. */
uint64_t rk_os_now_ns(void);
#endif
