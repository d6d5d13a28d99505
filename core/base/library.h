/* library.h: looking at a shared library before it is loaded. */
#ifndef RK_BASE_LIBRARY_H
#define RK_BASE_LIBRARY_H
#include "base/error.h"

/* Refuses what is no shared library for this machine, and one that ends before what its headers
 * tell of: dlopen maps that part, and reading it ends the process by SIGBUS.  Errors do not name
 * the file. */
rk_status rk_library_whole(const char *path, rk_error *e);
#endif
