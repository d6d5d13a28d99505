/* tuned.h: kernels as a tuner has chosen them. */
#ifndef RK_DEVICE_TUNED_H
#define RK_DEVICE_TUNED_H
#include "device/device.h"
#include "device/tuning.h"

/* As rk_open_prepare, but in the way that a choice of backend.h names. */
rk_status rk_open_prepare_choice(rk_open *d, const rk_op *op, bool exact, const char *choice,
                                 rk_kernel **k, rk_kinfo *info, rk_error *e);
/* The name of choice i of an op into name[64], and in *n how many there are: 1 if the backend
 * offers none. */
rk_status rk_open_choices(rk_open *d, const rk_op *op, uint32_t i, char *name, uint32_t *n,
                          rk_error *e);
/* Under which choices of a device are kept. */
rk_tuning_key rk_open_tuning_key(const rk_open *d);

/* Any choice of an op, the same for the same seed; false: it has no more than one. */
bool rk_choice_draw(const rk_backend *table, rk_device *d, const rk_op *op, uint64_t seed,
                    char name[64]);

/* As rk_open_prepare, with the choice that the hub's database has for the op, if there is one and
 * the backend still knows it.  RETHINK_TUNING=random:SEED draws choices instead: bits must not
 * change.  *tuned: whether it is a choice of the database. */
rk_status rk_hub_prepare(rk_hub *h, rk_open *d, const rk_op *op, bool exact, rk_kernel **k,
                         rk_kinfo *info, bool *tuned, rk_error *e);
void rk_hub_tuned_free(rk_hub *h);
#endif
