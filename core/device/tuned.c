#include "device/tuned.h"
#include "base/os.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

rk_tuning_key rk_open_tuning_key(const rk_open *d)
{
    return (rk_tuning_key){d->table->name, d->info.name, d->info.driver};
}

/* Once for a hub.  A database that cannot be read is left aside: static rules are always right. */
static void load(rk_hub *h)
{
    char path[RK_PATH_MAX];
    rk_error why = rk_error_new();
    const char *own = getenv("RETHINK_TUNING");
    if (h->tuning_loaded) return;
    h->tuning_loaded = true;
    if (own && strncmp(own, "random:", 7) == 0) {
        h->tuning_random = rk_parse_u64(own + 7, &h->tuning_seed);
        if (!h->tuning_random)
            fprintf(stderr,
                    "rethink: warning: RETHINK_TUNING=%.40s: a whole number must follow "
                    "'random:'; nothing is tuned\n",
                    own);
        return;
    }
    if (!rk_tuning_path(path) || rk_tuning_read(path, &h->tuning, &why) == RK_OK) return;
    fprintf(stderr, "rethink: warning: nothing is tuned: %s\n", why.text);
}

void rk_hub_tuning(rk_hub *h, char digest[33])
{
    load(h);
    digest[0] = '\0';
    if (h->tuning) rk_tuning_digest(h->tuning, digest);
}

void rk_hub_tuned_free(rk_hub *h)
{
    rk_tuning_free(h->tuning);
    h->tuning = NULL;
}

bool rk_choice_draw(const rk_backend *table, rk_device *d, const rk_op *op, uint64_t seed,
                    char name[64])
{
    uint32_t n = 0;
    rk_error why = rk_error_new();
    memset(name, 0, 64);
    if (!table->choices || !table->prepare_choice) return false;
    if (table->choices(d, op, 0, name, &n, &why) != RK_OK || n < 2) return false;
    uint64_t bits = XXH3_64bits_withSeed(op->p, sizeof op->p, seed * 64 + op->kind + op->n_code);
    return table->choices(d, op, (uint32_t)(bits % n), name, &n, &why) == RK_OK;
}

static bool look_up(const rk_hub *h, const rk_open *d, const rk_op *op, char name[64])
{
    char class[RK_TUNING_CLASS];
    rk_tuned known;
    rk_tuning_key key = rk_open_tuning_key(d);
    if (!h->tuning || !rk_tuning_class(op, class) ||
        !rk_tuning_find(h->tuning, &key, class, &known) || !known.choice[0])
        return false;
    return snprintf(name, 64, "%s", known.choice) < 64;
}

rk_status rk_hub_prepare(rk_hub *h, rk_open *d, const rk_op *op, bool exact, rk_kernel **k,
                         rk_kinfo *info, bool *tuned, rk_error *e)
{
    char name[64] = "";
    *tuned = false;
    load(h);
    bool chosen = d->table->prepare_choice &&
                  (h->tuning_random ? rk_choice_draw(d->table, d->device, op, h->tuning_seed, name)
                                    : look_up(h, d, op, name));
    if (chosen) {
        rk_status status = rk_open_prepare_choice(d, op, exact, name, k, info, e);
        *tuned = status == RK_OK && !h->tuning_random;
        if (status != RK_E_UNSUPPORTED) return status;
    }
    return rk_open_prepare(d, op, exact, k, info, e);
}
