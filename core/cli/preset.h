/* preset.h: experiments by name, as INI files NAME.ini.
 *
 *   [preset]
 *   doc = one line
 *   data = synth16             any option of 'rethink run' by its name without the dashes
 *   device = cpu               keys that may be repeated on the command line may be repeated here
 *   device = opencl?           left out, and said so, where there is none
 *
 *   [variant random labels]    one run each; without variants there is one run
 *   randomize = labels:p=1
 *
 *   [grid]                     every variant with every combination of these
 *   seed = 1 | 2 | 3
 *
 * Looked for in the folders of RETHINK_PRESET_PATH (separated by colons), then in the folder that
 * was installed with the program. */
#ifndef RK_CLI_PRESET_H
#define RK_CLI_PRESET_H
#include "cli/settings.h"

typedef struct rk_variant {
    const char *label;
    rk_assignment *list;
    uint32_t n;
} rk_variant;

typedef struct rk_axis {
    const char *key;
    const char **value;
    uint32_t n;
} rk_axis;

typedef struct rk_preset {
    rk_pool pool; /* of everything below */
    const char *name, *doc, *path;
    rk_variant base, *variant;
    rk_axis *axis;
    uint32_t n_variants, n_axes;
} rk_preset;

/* Reads NAME.ini; errors name the file and the line, an unknown name lists the known ones. */
rk_status rk_preset_load(const char *name, rk_preset *out, rk_error *e);
/* Reads a file. */
rk_status rk_preset_read(const char *path, const char *name, rk_preset *out, rk_error *e);
void rk_preset_free(rk_preset *p);
#endif
