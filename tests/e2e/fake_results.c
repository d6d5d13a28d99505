/* usage: fake_results FILE.sqlite SEEDS [odd]
 * A results database with made-up curves, for tests of the commands that read one: five
 * randomizations on two devices with SEEDS seeds each.  With 'odd' also a run that failed, one that
 * diverged, one whose digests differ between devices, and texts that need quoting. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/text.h"
#include "train/results.h"

typedef struct shape {
    const char *variant, *randomize;
    int fit;
    double test, changed;
} shape;

static const shape shapes[] = {{"true", "", 9, 0.874, 0},
                               {"random labels", "labels:p=1", 31, 0.101, 0.902},
                               {"shuffled pixels", "pixels:mode=shuffle", 10, 0.871, 0},
                               {"random pixels", "pixels:mode=random", 14, 0.098, 0},
                               {"gaussian", "pixels:mode=gaussian", 12, 0.104, 0}};
static const char *const devices[2][4] = {
    {"cpu:0", "Host processor, AVX2", "rethink 0.1.0", "cpu"},
    {"opencl:0.0", "pthread-haswell", "OpenCL 3.0 PoCL 3.1", "opencl"}};

static rk_run_record make_run(const shape *s, int device, uint64_t seed)
{
    return (rk_run_record){.started = "2025-01-31T12:00:00Z",
                           .preset = "quickstart",
                           .variant = s->variant,
                           .model = "mlp:hidden=512,layers=1,init=torch",
                           .data = "synth16:n=1000,test=2000,seed=0,limit=0",
                           .randomize = s->randomize,
                           .optimizer = "sgd:momentum=0.9,nesterov=no",
                           .schedule = "exponential:decay=0.98",
                           .regularize = "",
                           .device = devices[device][0],
                           .device_name = devices[device][1],
                           .driver = devices[device][2],
                           .backend = devices[device][3],
                           .numerics = "exact",
                           .plan_digest = "0123456789abcdef0123456789abcdef",
                           .kernels = "tile 6x32 avx2, ewise, reduce",
                           .fallback_note = "",
                           .data_digest = "11112222333344445555666677778888",
                           .label_digest = "9999aaaabbbbccccddddeeeeffff0000",
                           .version = "0.1.0",
                           .config = "{\"batch\":128,\"model\":\"mlp\"}",
                           .seed = seed,
                           .epochs = 100,
                           .batch = 128,
                           .parameters = 136714,
                           .rate = 0.05,
                           .changed_labels = s->changed,
                           .transform_digests = "",
                           .classes = 10,
                           .inputs = 256,
                           .train_examples = 1000,
                           .test_examples = 2000};
}

/* Digests depend on everything but the device, unless salted. */
static void fill_digest(rk_epoch_record *row, const rk_run_record *run, int salt)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%s %llu %lld %d", run->randomize,
                     (unsigned long long)run->seed, (long long)row->epoch, salt);
    rk_digest_hex(text, (size_t)n, row->digest);
}

static int add(rk_results *r, rk_run_record *run, const shape *s, int salt_from, const char *end)
{
    int fit = s->fit + (int)(run->seed % 3) - 1;
    rk_error e = rk_error_new();
    if (rk_results_add(r, run, &e) != RK_OK) return fprintf(stderr, "%s\n", e.text);
    for (int i = 1; i <= fit; i++) {
        double done = (double)i / fit, right = done * done * (3 - 2 * done);
        rk_epoch_record row = {.epoch = i,
                               .steps = 8 * i,
                               .seconds = 0.06 * i,
                               .rate = 0.05 * pow(0.98, i - 1),
                               .online_loss = 2.4 * exp(-4 * done),
                               .online_accuracy = 0.1 + 0.88 * right,
                               .train_loss = 2.3 * exp(-5 * done),
                               .train_accuracy = i == fit ? 1 : 0.1 + 0.899 * right,
                               .test_loss = 2.3 * exp(-done * s->test),
                               .test_accuracy = 0.1 + (s->test - 0.1) * sqrt(done),
                               .clean_fit = s->changed > 0 ? right : 0.1 + 0.899 * right,
                               .noisy_fit = s->changed > 0 ? done * done : NAN,
                               .noisy_true = s->changed > 0 ? done * (1 - done) : NAN};
        if (strcmp(end, "failed") == 0) row.train_loss = row.test_loss = NAN;
        fill_digest(&row, run, salt_from && i >= salt_from);
        run->epochs_done = i;
        run->fit_epoch = i == fit ? i : 0;
        run->train_accuracy = row.train_accuracy;
        run->test_accuracy = row.test_accuracy;
        run->train_loss = row.train_loss;
        run->test_loss = row.test_loss;
        run->seconds = row.seconds;
        run->digest = row.digest;
        if (rk_results_epoch(r, run, &row, &e) != RK_OK) return fprintf(stderr, "%s\n", e.text);
    }
    const char *error =
        strcmp(end, "failed") == 0 ? "opencl:0.0: out of memory, \"wanted\" <9 GB>" : NULL;
    if (rk_results_finish(r, run->id, end, error, &e) != RK_OK)
        return fprintf(stderr, "%s\n", e.text);
    return 0;
}

static int add_odd(rk_results *r)
{
    static const shape odd = {"p = 0.4", "labels:p=0.4", 20, 0.5, 0.36};
    int bad = 0;
    for (int device = 0; device < 2; device++) {
        rk_run_record run = make_run(&odd, device, 1);
        bad |= add(r, &run, &odd, device ? 7 : 0, "done");
    }
    rk_run_record run = make_run(&shapes[0], 1, 9);
    run.data = "idx:path=/data/a\\,b \"quoted\" & <tagged>,classes=10,limit=0";
    run.steps_fallback = 3;
    run.fallback_note = "3 of 40 steps fell back (no TAKE)";
    return bad | add(r, &run, &shapes[0], 0, "failed");
}

int main(int argc, char **argv)
{
    rk_error e = rk_error_new();
    rk_results *r = NULL;
    int bad = 0;
    if (argc < 3) return 2;
    if (rk_results_open(argv[1], false, &r, &e) != RK_OK) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    for (int seed = 1; seed <= atoi(argv[2]); seed++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int device = 0; device < 2; device++) {
                rk_run_record run = make_run(&shapes[i], device, (uint64_t)seed);
                bad |= add(r, &run, &shapes[i], 0, "done");
            }
    if (argc > 3) bad |= add_odd(r);
    rk_results_close(r);
    return bad ? 1 : 0;
}
