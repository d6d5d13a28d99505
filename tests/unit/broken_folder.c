/* A readdir in front of the C library's, for plugins too. */
#include "broken_folder.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include "rethink/backend.h"

static int left = -1; /* entries; negative: all */

void broken_folder_after(int entries) { left = entries; }

RK_EXPORT struct dirent *readdir(DIR *d)
{
    struct dirent *(*real)(DIR *);
    void *found = dlsym(RTLD_NEXT, "readdir");
    if (left >= 0 && left-- == 0) {
        errno = EIO;
        return NULL;
    }
    memcpy(&real, &found, sizeof real);
    return real(d);
}
