/* Another seed for a run that is ready: seeds in turn, and kernels compiled once. */
#include "base/error.h"
#include "train/trainer.h"

static rk_status take_data(rk_trainer *t, rk_dataset *d, const rk_audit *audit, rk_error *e)
{
    /* An evaluation of changed labels is another graph. */
    if (rk_labels_changed(d) != rk_labels_changed(t->data)) {
        rk_dataset_free(d);
        return RK_FAIL(e, RK_E_INVALID, "with one of two seeds no label is changed: open it anew");
    }
    rk_dataset_free(t->data);
    t->data = d;
    t->audit = *audit;
    return RK_OK;
}

rk_status rk_trainer_reseed(rk_trainer *t, uint64_t seed, rk_error *e)
{
    const rk_spec_list *transforms = &t->recipe.transforms;
    rk_dataset *d;
    rk_audit audit;
    if (t->feed || t->trained)
        return RK_FAIL(e, RK_E_INVALID, "%s: a run that %s is opened anew for another seed",
                       t->recipe.data->text, t->feed ? "reads its data" : "holds examples out");
    RK_TRY(rk_dataset_load(t->recipe.data, (const rk_spec *const *)transforms->spec, transforms->n,
                           seed, &d, &audit, e));
    RK_TRY(take_data(t, d, &audit, e));
    t->seed = t->randomize_seed = seed;
    rk_session_reseed(t->session, seed);
    RK_TRY(rk_dataset_write(t->session, t->data, e));
    return rk_trainer_restart(t, e);
}
