/* What the processor is called. */
#include "cpu.h"
#include <stdio.h>
#include <string.h>

/* What stands behind the key of the first processor that has it; 0 if none does. */
static int field(const char *path, const char *key, char *out, size_t bytes)
{
    char line[256];
    int found = 0;
    FILE *f = fopen(path, "re");
    while (!found && f && fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !value) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, bytes, "%.100s", value + 1 + strspn(value + 1, " "));
        found = 1;
    }
    if (f) fclose(f);
    return found;
}

/* ARM has numbers in the place of a name. */
void cpu_processor(const char *path, rk_devinfo *d)
{
    char maker[24], part[24], variant[24];
    if (!field(path, "vendor_id", d->vendor, sizeof d->vendor))
        snprintf(d->vendor, sizeof d->vendor, "unknown processor");
    if (field(path, "model name", d->name, sizeof d->name)) return;
    if (field(path, "CPU implementer", maker, sizeof maker) &&
        field(path, "CPU part", part, sizeof part) &&
        field(path, "CPU variant", variant, sizeof variant))
        snprintf(d->name, sizeof d->name, "processor of implementer %s, part %s, variant %s", maker,
                 part, variant);
    else
        snprintf(d->name, sizeof d->name, "unknown processor");
}
