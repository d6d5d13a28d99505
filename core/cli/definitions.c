/* The choices of a run, from its canonical texts: so they are in every record. */
#include "cli/definitions.h"
#include "train/expected.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef struct writer {
    rk_definition *out;
    uint32_t n;
} writer;

__attribute__((format(printf, 3, 4))) static void say(writer *w, const char *name,
                                                      const char *format, ...)
{
    va_list args;
    if (w->n == RK_DEFINITIONS) return;
    rk_definition *d = &w->out[w->n++];
    d->name = name;
    va_start(args, format);
    vsnprintf(d->text, sizeof d->text, format, args);
    va_end(args);
}

/* One parameter of the model, if it has it. */
static void say_parameter(writer *w, const char *name, const char *model, const char *key)
{
    char value[64];
    if (rk_spec_value(model, key, value, sizeof value)) say(w, name, "%s=%s", key, value);
}

/* Where a model has batch norm or local response normalization its text says which. */
static void say_model(writer *w, const char *model)
{
    say_parameter(w, "initialization", model, "init");
    say_parameter(w, "batch norm", model, "bn");
    if (strncmp(model, "alexnet", 7) == 0)
        say(w, "response norm", "radius 4, bias 1, alpha 0.001 / 9, beta 0.75 (lrn=)");
}

static void say_decay(writer *w, const char *regularize)
{
    char strength[64], on[64] = "all";
    const char *l2 = strncmp(regularize, "l2:", 3) == 0 ? regularize : strstr(regularize, "+l2:");
    if (!l2 || !rk_spec_value(l2, "strength", strength, sizeof strength)) {
        say(w, "weight decay", "none");
        return;
    }
    rk_spec_value(l2, "on", on, sizeof on);
    say(w, "weight decay", "%s on %s", strength, on);
}

static void say_rates(writer *w, const rk_run_record *run, const rk_epoch_record *rows, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += rows[i].rate;
    if (n)
        say(w, "learning rate", "%s from %.6g; the sum over %u epochs is %.6g", run->schedule,
            run->rate, n, sum);
}

/* The corruption audit. */
static void say_labels(writer *w, const rk_run_record *run)
{
    rk_expected x =
        rk_expect_changed(run->randomize, run->train_examples, run->classes, run->changed_labels);
    if (!x.known)
        say(w, "changed labels", "%.6f of the training labels", run->changed_labels);
    else
        say(w, "changed labels", "%.6f; expected %.6f +- %.6f (4 sigma)%s", run->changed_labels,
            x.fraction, 4 * x.sigma, x.outside ? ": OUTSIDE" : "");
}

static void say_hold_out(writer *w, const rk_run_record *run)
{
    json_t *config = json_loads(run->config ? run->config : "", 0, NULL);
    double part = json_number_value(json_object_get(config, "hold-out"));
    json_decref(config);
    if (part > 0)
        say(w, "hold-out",
            "%.6g of the training examples, drawn by the seed: not trained on, and no part of "
            "train_*; diagnostics look at all",
            part);
}

uint32_t rk_definitions_of(const rk_run_record *run, const rk_epoch_record *rows, uint32_t n,
                           rk_definition out[RK_DEFINITIONS])
{
    writer w = {.out = out};
    say(&w, "data", "%s", run->data);
    say_labels(&w, run);
    say_hold_out(&w, run);
    say(&w, "batch", "%lld examples, the last of an epoch what is left", (long long)run->batch);
    say_model(&w, run->model);
    say_decay(&w, run->regularize);
    say_rates(&w, run, rows, n);
    say(&w, "evaluation",
        "train_*, test_*, clean_fit, noisy_*: the whole set after the epoch, "
        "without dropout; online_*: mean over the epoch while it was trained on");
    say(&w, "time to overfit",
        "steps to the end of the first epoch with train_accuracy 1, under eval-limit also "
        "online_accuracy 1 (fit_steps), 0.99, online_loss 0.5, 0.1 (steps_*)");
    return w.n;
}
