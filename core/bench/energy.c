#include "bench/energy.h"
#include "base/os.h"
#include "base/text.h"
#include "bench/energy_own.h"
#include "bench/machine_read.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES = 16, ZONE_PATH = 256 };
#define POWERCAP "/sys/class/powercap"
#define HWMON "/sys/class/hwmon"

/* One counter or power: the last reading, and what a counter wraps around at (0: never). */
typedef struct zone {
    char path[ZONE_PATH];
    double last, range;
} zone;

struct rk_energy {
    char root[RK_PATH_MAX];
    zone zone[ZONES];
    uint32_t n;
    rk_nvml *nvml;
    bool power;   /* readings are powers */
    double scale; /* from a reading to joules or watts */
    double joules;
    uint64_t then_ns;
};

/* Why nothing was found; of several reasons the first. */
typedef struct reason {
    char *text;
    size_t bytes;
} reason;

static void say(const reason *why, const char *what, const char *path, int error)
{
    if (why->text[0]) return;
    snprintf(why->text, why->bytes, "%s %s cannot be read: %s%s", what, path, strerror(error),
             error == EACCES ? "; chmod a+r it" : "");
}

/* ---- powercap -------------------------------------------------------------------------------- */

/* Packages alone: their parts are counted in them, and "psys" is more than processors. */
static bool add_package(rk_energy *s, const char *folder, const reason *why)
{
    char path[ZONE_PATH], name[64];
    zone *z = &s->zone[s->n];
    snprintf(path, sizeof path, POWERCAP "/%.64s/name", folder);
    if (!rk_machine_line(s->root, path, name, sizeof name)) return false;
    if (strncmp(name, "package", 7) != 0) return false;
    snprintf(path, sizeof path, POWERCAP "/%.64s/max_energy_range_uj", folder);
    if (!rk_machine_number(s->root, path, &z->range)) z->range = 0;
    snprintf(z->path, sizeof z->path, POWERCAP "/%.64s/energy_uj", folder);
    if (!rk_machine_number(s->root, z->path, &z->last)) {
        say(why, "RAPL", z->path, errno);
        return false;
    }
    s->n++;
    return true;
}

/* "intel-rapl:0", also of AMD; not "intel-rapl:0:0", a part, nor "intel-rapl-mmio:0", the same
 * package again. */
static bool is_package_folder(const char *name)
{
    const char *number = name + strlen("intel-rapl:");
    if (strncmp(name, "intel-rapl:", strlen("intel-rapl:")) != 0 || !*number) return false;
    while (isdigit((unsigned char)*number)) number++;
    return !*number;
}

static DIR *open_folder(const rk_energy *s, const char *path)
{
    char full[RK_PATH_MAX];
    int n = snprintf(full, sizeof full, "%s%s", s->root, path);
    return n >= 0 && n < RK_PATH_MAX ? opendir(full) : NULL;
}

/* All packages or none: a part of them would look like little energy. */
static bool find_packages(rk_energy *s, const reason *why)
{
    struct dirent *entry;
    bool unreadable = false;
    DIR *folder = open_folder(s, POWERCAP);
    if (!folder) return false;
    for (entry = readdir(folder); entry && s->n < ZONES; entry = readdir(folder)) {
        if (!is_package_folder(entry->d_name)) continue;
        if (!add_package(s, entry->d_name, why) && why->text[0]) unreadable = true;
    }
    closedir(folder);
    if (unreadable) s->n = 0;
    if (s->n == 0) return false;
    s->scale = 1e-6;
    snprintf(why->text, why->bytes, "RAPL, %u package%s", s->n, s->n == 1 ? "" : "s");
    return true;
}

/* ---- hwmon ----------------------------------------------------------------------------------- */

static bool add_reading(rk_energy *s, const char *folder, const char *file, const reason *why)
{
    zone *z = &s->zone[s->n];
    *z = (zone){.range = 0};
    snprintf(z->path, sizeof z->path, HWMON "/%.32s/%.32s", folder, file);
    if (rk_machine_number(s->root, z->path, &z->last)) {
        s->n++;
        return true;
    }
    if (errno != ENOENT) say(why, "hwmon", z->path, errno);
    return false;
}

/* amd_energy counts cores and sockets, which contain them. */
static bool is_whole(const rk_energy *s, const char *folder, int number)
{
    char path[ZONE_PATH], label[64];
    snprintf(path, sizeof path, HWMON "/%.32s/energy%d_label", folder, number);
    if (!rk_machine_line(s->root, path, label, sizeof label)) return number == 1;
    return strncmp(label, "Ecore", 5) != 0 && strncmp(label, "gt", 2) != 0;
}

static bool add_chip(rk_energy *s, const char *folder, const char *driver, const reason *why)
{
    char file[32];
    for (int i = 1; i <= 512 && s->n < ZONES; i++) {
        snprintf(file, sizeof file, "energy%d_input", i);
        if (is_whole(s, folder, i)) add_reading(s, folder, file, why);
    }
    s->power = s->n == 0;
    if (s->power && !add_reading(s, folder, "power1_average", why))
        add_reading(s, folder, "power1_input", why);
    if (s->n == 0) return false;
    s->scale = 1e-6;
    snprintf(why->text, why->bytes, "hwmon %s, %s", driver,
             s->power ? "power, integrated" : "energy counter");
    return true;
}

/* The one chip of a driver of the list, which ends with NULL. */
static bool find_chip(rk_energy *s, const char *const *drivers, const reason *why)
{
    struct dirent *entry;
    char path[ZONE_PATH], name[64], found[64] = "", chip[64] = "";
    int n = 0;
    DIR *folder = open_folder(s, HWMON);
    if (!folder) return false;
    for (entry = readdir(folder); entry; entry = readdir(folder)) {
        snprintf(path, sizeof path, HWMON "/%.64s/name", entry->d_name);
        if (!rk_machine_line(s->root, path, name, sizeof name)) continue;
        for (int i = 0; drivers[i]; i++)
            if (strcmp(name, drivers[i]) == 0) {
                snprintf(found, sizeof found, "%.63s", entry->d_name);
                snprintf(chip, sizeof chip, "%.63s", name);
                n++;
            }
    }
    closedir(folder);
    if (n == 1) return add_chip(s, found, chip, why);
    if (n > 1) snprintf(why->text, why->bytes, "hwmon has %d chips named %s", n, chip);
    return false;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool find_gpu(rk_energy *s, const char *nvml, const rk_devinfo *d, const reason *why)
{
    static const char *const others[] = {"amdgpu", "i915", "xe", NULL};
    bool counts;
    if (!strstr(d->vendor, "NVIDIA")) return find_chip(s, others, why);
    s->nvml = rk_nvml_open(nvml, d->name, &counts, why->text, why->bytes);
    s->power = s->nvml && !counts;
    s->scale = 1e-3;
    s->n = 1; /* its range stays 0 */
    return s->nvml;
}

static bool find_sensor(rk_energy *s, const char *nvml, const rk_devinfo *d, const reason *why)
{
    static const char *const processors[] = {"amd_energy", NULL};
    if (d->type == RK_DEV_GPU) return find_gpu(s, nvml, d, why);
    if (d->type == RK_DEV_CPU) return find_packages(s, why) || find_chip(s, processors, why);
    return false;
}

void rk_energy_open(const char *root, const char *nvml, const rk_devinfo *d, rk_energy **out,
                    char *text, size_t bytes)
{
    const reason why = {text, bytes};
    rk_energy *s = calloc(1, sizeof *s);
    text[0] = '\0';
    *out = NULL;
    if (!s) {
        snprintf(text, bytes, "not measured: no memory");
        return;
    }
    snprintf(s->root, sizeof s->root, "%s", root);
    if (find_sensor(s, nvml, d, &why)) {
        *out = s;
        return;
    }
    char reason[256];
    snprintf(reason, sizeof reason, "%.200s", text[0] ? text : "no sensor in powercap or hwmon");
    snprintf(text, bytes, "not measured: %s", reason);
    rk_energy_close(s);
}

void rk_energy_close(rk_energy *s)
{
    if (s) rk_nvml_close(s->nvml);
    free(s);
}

static rk_status read_zone(const rk_energy *s, uint32_t i, double *out, rk_error *e)
{
    if (s->nvml) {
        if (rk_nvml_read(s->nvml, !s->power, out)) return RK_OK;
        return RK_FAIL(e, RK_E_IO, "NVML does not read the GPU any more");
    }
    if (rk_machine_number(s->root, s->zone[i].path, out)) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "the sensor %s cannot be read any more: %s", s->zone[i].path,
                   strerror(errno));
}

/* What a counter gained.  One that is lower than before has passed its range once; one without a
 * range did not count on. */
static rk_status gained(const zone *z, double now, double *out, rk_error *e)
{
    *out = now - z->last;
    if (now < z->last) *out += z->range;
    if (*out >= 0) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "the sensor %s went back from %.0f to %.0f", z->path, z->last, now);
}

rk_status rk_energy_begin(rk_energy *s, rk_error *e)
{
    s->joules = 0;
    for (uint32_t i = 0; i < s->n; i++) RK_TRY(read_zone(s, i, &s->zone[i].last, e));
    s->then_ns = rk_os_now_ns();
    return RK_OK;
}

rk_status rk_energy_sample(rk_energy *s, rk_error *e)
{
    uint64_t now_ns = rk_os_now_ns();
    double seconds = 1e-9 * (double)(now_ns - s->then_ns);
    for (uint32_t i = 0; i < s->n; i++) {
        zone *z = &s->zone[i];
        double now, gain;
        RK_TRY(read_zone(s, i, &now, e));
        if (s->power)
            gain = 0.5 * (now + z->last) * seconds; /* the trapezium of two powers */
        else
            RK_TRY(gained(z, now, &gain, e));
        z->last = now;
        s->joules += s->scale * gain;
    }
    s->then_ns = now_ns;
    return RK_OK;
}

double rk_energy_joules(const rk_energy *s) { return s->joules; }
