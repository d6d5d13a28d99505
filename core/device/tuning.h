/* tuning.h: what a tuner has found: one JSON file, for all devices of a user.
 *
 *   {"format": "rethink tuning", "version": 1, "devices": [
 *     {"backend": "opencl", "device": NAME, "driver": VERSION,
 *      "ops": {CLASS: {"choice": NAME, "seconds": s, "usual": s, "samples": n, "mode": "rapid"}},
 *      "bad": {CLASS: {CHOICE: WHY}}}]}
 *
 * A class is all that a choice depends on: the kind, its members, windows, transposes and tier,
 * and every extent rounded up to a power of two.  A choice is one of backend.h; "" is the backend's
 * own, which then was found to be the best.  usual: the seconds of that one.  bad: choices that
 * gave wrong results, failed, or during which the process died: they are not tried again.
 *
 * Threads: one at a time. */
#ifndef RK_DEVICE_TUNING_H
#define RK_DEVICE_TUNING_H
#include <stdbool.h>
#include "base/error.h"

enum { RK_TUNING_CLASS = 160 };

typedef struct rk_tuning rk_tuning;

/* Choices hold for one driver of one device. */
typedef struct rk_tuning_key {
    const char *backend, *device, *driver;
} rk_tuning_key;

typedef struct rk_tuned {
    const char *choice, *mode; /* mode: "rapid" or "full" */
    double seconds, usual;
    int64_t samples; /* of both */
} rk_tuned;

/* The file: RETHINK_TUNING, else rethink/tuning.json in XDG_DATA_HOME or HOME/.local/share; into
 * out[RK_PATH_MAX].  False if there is none: RETHINK_TUNING is off, or no folder is known. */
bool rk_tuning_path(char *out);
/* A file that is not there is an empty database.  Errors name the file and the remedy. */
rk_status rk_tuning_read(const char *path, rk_tuning **out, rk_error *e);
/* Replaces the file, and makes its folder. */
rk_status rk_tuning_write(const rk_tuning *t, const char *path, rk_error *e);
void rk_tuning_free(rk_tuning *t); /* NULL is nothing */

/* False for kinds that nothing is tuned of. */
bool rk_tuning_class(const rk_op *op, char out[RK_TUNING_CLASS]);
/* What is known of a class; texts live as long as the entry.  False: nothing. */
bool rk_tuning_find(const rk_tuning *t, const rk_tuning_key *key, const char *class, rk_tuned *out);
/* Why a choice is bad, or NULL. */
const char *rk_tuning_bad(const rk_tuning *t, const rk_tuning_key *key, const char *class,
                          const char *choice);
/* False: no memory. */
bool rk_tuning_set(rk_tuning *t, const rk_tuning_key *key, const char *class, const rk_tuned *);
bool rk_tuning_set_bad(rk_tuning *t, const rk_tuning_key *key, const char *class,
                       const char *choice, const char *why);

/* The i-th entry of all; *why is NULL, or out->choice is a bad one.  False: no more. */
bool rk_tuning_entry(const rk_tuning *t, uint32_t i, rk_tuning_key *key, const char **class,
                     rk_tuned *out, const char **why);
/* Drops what is known of a device, or with NULL of all. */
void rk_tuning_forget(rk_tuning *t, const rk_tuning_key *key);
/* Takes over what the other knows; of what both know the other's.  False: no memory. */
bool rk_tuning_merge(rk_tuning *t, const rk_tuning *other);
/* XXH3-128 of what is known, whatever the order it was found in; "" if nothing is, or without
 * memory. */
void rk_tuning_digest(const rk_tuning *t, char out[33]);
#endif
