/* list.h: the files of a folder per class. */
#ifndef IMAGEFOLDER_LIST_H
#define IMAGEFOLDER_LIST_H
#include "rethink/plugin.h"

typedef struct listing {
    char *folder; /* "DIR/train" */
    char **class; /* [classes], in the order of bytes */
    uint32_t classes;
    char **file; /* [n], names within their class's folder; class by class in the order of bytes */
    uint32_t *label; /* [n] */
    int64_t n;
} listing;

/* Lists DIR/set.  Names that begin with a dot are left out.  A class without files, a file among
 * the classes, a folder among the files are errors that name the path. */
rk_status list_folder(const char *folder, const char *set, listing *out, rk_error *e);
void list_free(listing *l);
#endif
