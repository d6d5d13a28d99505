/* What the facts say. */
#include "train/doctor.h"
#include "train/expected.h"
#include "train/measures.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t rk_doctor_fits(const rk_doctor_facts *f) { return f->run ? f->run->fit_epoch : 0; }

#define SAY(verdict_, remedy_, ...)                                                                \
    do {                                                                                           \
        out->verdict = (verdict_);                                                                 \
        out->remedy = (remedy_);                                                                   \
        snprintf(out->evidence, sizeof out->evidence, __VA_ARGS__);                                \
        return;                                                                                    \
    } while (0)
#define CHECK(name) static void check_##name(const rk_doctor_facts *f, rk_doctor_finding *out)

CHECK(labels)
{
    const rk_audit *a = &f->load[0], *b = &f->load[1];
    if (!f->have_data)
        SAY(RK_DOCTOR_NOTE, "restore the data to have them checked", "not checked: %s",
            f->data_note);
    if (strcmp(a->label_digest, b->label_digest) != 0 || strcmp(a->digest, b->digest) != 0)
        SAY(RK_DOCTOR_CAUSE,
            "mend the data set or the transform: it must be a function of its parameters and the "
            "seed alone",
            "loaded twice with one seed, the data differ: labels %.12s and %.12s, all %.12s and "
            "%.12s",
            a->label_digest, b->label_digest, a->digest, b->digest);
    if (f->run && strcmp(f->run->data_digest, a->digest) != 0)
        SAY(RK_DOCTOR_NOTE, "restore them: what is said here is about the data of today",
            "the data are not those of the run: digest %.12s, now %.12s", f->run->data_digest,
            a->digest);
    rk_expected x = rk_expect_changed(f->config->randomize, f->n, f->classes, a->changed_labels);
    if (x.outside)
        SAY(RK_DOCTOR_NOTE, "look at the transform, and at the seed",
            "%.4f of the labels are changed, %.4f +- %.4f (4 sigma) were expected",
            a->changed_labels, x.fraction, 4 * x.sigma);
    SAY(RK_DOCTOR_OK, "",
        "drawn once, before training, and the same when loaded again (digest %.12s)",
        a->label_digest);
}

CHECK(augmentation)
{
    if (!f->config->augment[0]) SAY(RK_DOCTOR_OK, "", "off");
    SAY(RK_DOCTOR_CAUSE, "leave out --augment, or allow many more epochs and a slower schedule",
        "%s: each epoch shows other images, which must all be fitted", f->config->augment);
}

/* The value of "dropout=" in a canonical text. */
static double dropout_of(const char *model)
{
    const char *at = model ? strstr(model, "dropout=") : NULL;
    return at ? strtod(at + strlen("dropout="), NULL) : 0;
}

CHECK(regularizers)
{
    double dropout = dropout_of(f->model);
    const char *regularize = f->config->regularize;
    if (!regularize[0] && dropout == 0) SAY(RK_DOCTOR_OK, "", "none, no dropout");
    SAY(RK_DOCTOR_CAUSE, "leave out --regularize and dropout, or make them weaker",
        "%s%s%s keep weights or units from what would fit", regularize,
        regularize[0] && dropout > 0 ? ", " : "", dropout > 0 ? "dropout" : "");
}

CHECK(capacity)
{
    int64_t enough = 2 * f->n + f->inputs;
    if (!f->have_data || !f->parameters)
        SAY(RK_DOCTOR_NOTE, "", "not checked: the model could not be built on the data");
    if (f->parameters < enough)
        SAY(RK_DOCTOR_CAUSE, "more units or layers, or fewer examples (limit=)",
            "%" PRId64 " parameters; 2 n + d = %" PRId64 " suffice for any labels of n = %" PRId64
            " inputs of d = %" PRId64 " values (Zhang et al. 2016, theorem 1)",
            f->parameters, enough, f->n, f->inputs);
    SAY(RK_DOCTOR_OK, "", "%" PRId64 " parameters, 2 n + d is %" PRId64, f->parameters, enough);
}

CHECK(duplicates)
{
    char pairs[160] = "";
    size_t at = 0;
    if (!f->have_images) SAY(RK_DOCTOR_NOTE, "", "not checked: no images in memory");
    if (!f->conflicting)
        SAY(RK_DOCTOR_OK, "", "%" PRId64 " repeated images, none with another label",
            f->duplicates);
    for (uint32_t i = 0; i < f->n_pairs; i++)
        at += (size_t)snprintf(pairs + at, sizeof pairs - at, "%s%u and %u", i ? ", " : "",
                               f->pair[i].a, f->pair[i].b);
    SAY(RK_DOCTOR_CAUSE, "remove one of each pair: no function gives one input two labels",
        "%" PRId64 " of %" PRId64 " examples have an image whose repetition has another label "
        "(%s%s): at most %.4f %% can be right",
        f->conflicting, f->n, pairs, f->conflicting > f->n_pairs ? ", ..." : "",
        100 - 100.0 * (double)f->conflicting / (double)f->n);
}

CHECK(inputs)
{
    if (!f->have_images) SAY(RK_DOCTOR_NOTE, "", "not checked: no images in memory");
    if (f->constant > f->n / 2)
        SAY(RK_DOCTOR_CAUSE, "look at the data set: most images say nothing",
            "%" PRId64 " of %" PRId64 " images have the same value everywhere", f->constant, f->n);
    if (f->constant)
        SAY(RK_DOCTOR_NOTE, "look at these images",
            "%" PRId64 " of %" PRId64 " images have the same value everywhere", f->constant, f->n);
    SAY(RK_DOCTOR_OK, "", "no image is constant");
}

CHECK(classes)
{
    if (!f->have_data) SAY(RK_DOCTOR_NOTE, "", "not checked: no data");
    if (f->classes_used < f->classes)
        SAY(RK_DOCTOR_NOTE, "check the data set's number of classes, or take more examples",
            "%" PRId64 " of %" PRId64 " classes occur among the training labels", f->classes_used,
            f->classes);
    SAY(RK_DOCTOR_OK, "", "all %" PRId64 " classes occur", f->classes);
}

CHECK(rate)
{
    double share = f->rate_first > 0 ? f->rate_last / f->rate_first : 0;
    if (f->config->epochs == 0)
        SAY(RK_DOCTOR_CAUSE, "ask for some, as --epochs 30", "no epochs: nothing is trained");
    if (f->rate_first <= 0)
        SAY(RK_DOCTOR_CAUSE, "give a learning rate, as --lr 0.01", "the learning rate is 0");
    if (share < 0.05)
        SAY(f->run ? RK_DOCTOR_CAUSE : RK_DOCTOR_NOTE,
            "a slower decay, a higher --lr, or a smaller --batch: more steps while there is rate",
            "spent: the last epoch's rate is %.2g %% of the first one's; rates add up to %.3g, and "
            "as many epochs again would add %.2g %%",
            100 * share, f->rate_sum, 100 * f->rate_rest / f->rate_sum);
    SAY(RK_DOCTOR_OK, "",
        "the last epoch's rate is %.3g %% of the first one's; rates add up to %.3g", 100 * share,
        f->rate_sum);
}

CHECK(batch)
{
    int64_t n = f->n ? f->n : f->run ? f->run->train_examples : 0, batch = f->config->batch;
    if (!n) SAY(RK_DOCTOR_NOTE, "", "not checked: the number of examples is not known");
    int64_t steps = (n + batch - 1) / batch;
    if (steps < 10)
        SAY(f->run || steps < 4 ? RK_DOCTOR_CAUSE : RK_DOCTOR_NOTE,
            "a smaller --batch: epochs then have more steps",
            "%" PRId64 " of %" PRId64 " examples a step: an epoch is only %" PRId64 " step%s",
            batch, n, steps, steps == 1 ? "" : "s");
    SAY(RK_DOCTOR_OK, "", "%" PRId64 " step%s an epoch", steps, steps == 1 ? "" : "s");
}

CHECK(divergence)
{
    bool bad = false;
    int64_t epoch = 0;
    if (!f->run) SAY(RK_DOCTOR_OK, "", "no run to look at");
    for (uint32_t i = 0; i < f->n_rows && !bad; i++) {
        bad = !isfinite(f->rows[i].train_loss) || !isfinite(f->rows[i].online_loss);
        epoch = f->rows[i].epoch;
    }
    if (bad)
        SAY(RK_DOCTOR_CAUSE, "a smaller --lr", "the loss of epoch %" PRId64 " is not a number",
            epoch);
    if (strcmp(f->run->status, "failed") == 0)
        SAY(RK_DOCTOR_CAUSE, "mend that first", "the run failed: %.300s", f->run->error);
    SAY(RK_DOCTOR_OK, "", "all losses are numbers");
}

/* Where nothing is learned, the loss is that of equal probabilities. */
CHECK(start)
{
    double chance = f->run && f->run->classes > 1 ? log((double)f->run->classes) : NAN;
    uint32_t dead = 0;
    if (!f->n_rows || isnan(chance)) SAY(RK_DOCTOR_OK, "", "no epochs to look at");
    while (dead < f->n_rows && fabs(f->rows[dead].train_loss - chance) < 0.02 * chance) dead++;
    if (dead >= 3 && dead * 5 >= f->n_rows)
        SAY(RK_DOCTOR_CAUSE, "another --lr, or another initialization (init=) of the model",
            "for %u of %u epochs the training loss stayed at log(%" PRId64 ") = %.3f, that of "
            "equal probabilities",
            dead, f->n_rows, f->run->classes, chance);
    SAY(RK_DOCTOR_OK, "", "the training loss leaves log(%" PRId64 ") = %.3f after %u epochs",
        f->run->classes, chance, dead);
}

CHECK(end)
{
    const rk_epoch_record *last = f->n_rows ? &f->rows[f->n_rows - 1] : NULL;
    const rk_config *c = f->config;
    if (!last) SAY(RK_DOCTOR_OK, "", "no epochs to look at");
    if (rk_doctor_fits(f)) SAY(RK_DOCTOR_OK, "", "it fits");
    double accuracy = rk_goal_accuracy(last, c->eval_limit > 0);
    double loss = rk_goal_loss(last, c->eval_limit > 0);
    bool accurate = c->stop_accuracy > 0 && accuracy >= c->stop_accuracy;
    bool low = c->stop_loss > 0 && loss <= c->stop_loss;
    if (accurate || low)
        SAY(RK_DOCTOR_CAUSE, "a stricter --stop-accuracy or --stop-loss",
            "the run stopped in epoch %" PRId64 " because it was told to: training accuracy %.4f, "
            "loss %.4g",
            last->epoch, accuracy, loss);
    const rk_epoch_record *before = &f->rows[f->n_rows - 1 - f->n_rows / 4];
    double fell = 1 - last->train_loss / before->train_loss;
    if (before < last && fell > 0.05)
        SAY(RK_DOCTOR_CAUSE, "more --epochs",
            "it was still getting better: from epoch %" PRId64 " to %" PRId64
            " the training loss fell by %.0f %%, from %.4g to %.4g",
            before->epoch, last->epoch, 100 * fell, before->train_loss, last->train_loss);
    SAY(RK_DOCTOR_OK, "", "the training loss is no longer falling (%.4g in epoch %" PRId64 ")",
        last->train_loss, last->epoch);
}

uint32_t rk_doctor_check(const rk_doctor_facts *f, rk_doctor_finding out[RK_DOCTOR_CHECKS])
{
    static const struct {
        const char *name;
        void (*run)(const rk_doctor_facts *, rk_doctor_finding *);
    } checks[] = {{"labels", check_labels},
                  {"augmentation", check_augmentation},
                  {"regularizers", check_regularizers},
                  {"capacity", check_capacity},
                  {"duplicates", check_duplicates},
                  {"inputs", check_inputs},
                  {"classes", check_classes},
                  {"learning rate", check_rate},
                  {"batch", check_batch},
                  {"divergence", check_divergence},
                  {"start", check_start},
                  {"end", check_end}};
    _Static_assert(sizeof checks / sizeof *checks == RK_DOCTOR_CHECKS, "room for each");
    bool fits = rk_doctor_fits(f) > 0;
    for (uint32_t i = 0; i < RK_DOCTOR_CHECKS; i++) {
        out[i] = (rk_doctor_finding){.check = checks[i].name};
        checks[i].run(f, &out[i]);
        if (fits && out[i].verdict == RK_DOCTOR_CAUSE) out[i].verdict = RK_DOCTOR_NOTE;
    }
    return RK_DOCTOR_CHECKS;
}
