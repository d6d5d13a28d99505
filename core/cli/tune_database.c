/* rethink tune --list, --forget, --import, --export. */
#include "cli/tune.h"
#include "device/hub.h"
#include "tune/journal.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool rk_tune_is_database(const rk_tune_arguments *a)
{
    return a->list || a->forget || a->from || a->to;
}

/* The devices of a command; none: any. */
typedef struct wanted {
    rk_tuning_key key[RK_DEVICES_MAX];
    uint32_t n;
} wanted;

static rk_status find_wanted(rk_hub *hub, const char *const *device, uint32_t n, wanted *out,
                             rk_error *e)
{
    for (out->n = 0; out->n < n && out->n < RK_DEVICES_MAX; out->n++) {
        uint32_t at;
        const rk_device_entry *entry;
        RK_TRY(rk_hub_find(hub, device[out->n], &at, e));
        rk_hub_devices(hub, &entry);
        out->key[out->n] =
            (rk_tuning_key){entry[at].backend, entry[at].info.name, entry[at].info.driver};
    }
    return RK_OK;
}

static bool is_wanted(const wanted *w, const rk_tuning_key *key)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (strcmp(w->key[i].backend, key->backend) == 0 &&
            strcmp(w->key[i].device, key->device) == 0 &&
            strcmp(w->key[i].driver, key->driver) == 0)
            return true;
    return w->n == 0;
}

/* ---- --list ---- */

static void add_row(rk_table *t, const rk_tuning_key *key, const char *class, const rk_tuned *x,
                    const char *why)
{
    rk_table_cell(t, "%s", key->device);
    rk_table_cell(t, "%s", key->driver);
    rk_table_cell(t, "%s", class);
    rk_table_cell(t, "%s", x->choice[0] ? x->choice : "the backend's own");
    if (why) {
        for (int i = 0; i < 2; i++) rk_table_cell(t, "-");
        rk_table_cell(t, "%s", why);
        return;
    }
    rk_table_cell(t, "%.3f", 1e3 * x->seconds);
    rk_table_cell(t, "%.2f", x->usual / x->seconds);
    rk_table_cell(t, "%s, n = %lld", x->mode, (long long)x->samples);
}

static rk_status print_table(const rk_tuning *t, const wanted *w, rk_error *e)
{
    static const char *const heads[] = {"device", "driver",    "operation", "choice",
                                        "ms",     "times own", "how"};
    rk_tuning_key key;
    const char *class, *why;
    rk_tuned x;
    char digest[33];
    rk_table *table = rk_table_new("llllrrl", heads);
    for (uint32_t i = 0; rk_tuning_entry(t, i, &key, &class, &x, &why); i++)
        if (is_wanted(w, &key)) add_row(table, &key, class, &x, why);
    rk_status status = rk_table_print(table, stdout, e);
    rk_table_free(table);
    rk_tuning_digest(t, digest);
    printf("Digest of the database: %s\n", digest[0] ? digest : "none, it is empty");
    return status;
}

static rk_status print_json(const rk_tuning *t, const wanted *w, rk_error *e)
{
    rk_tuning_key key;
    const char *class, *why;
    rk_tuned x;
    char digest[33];
    bool failed = false;
    json_t *list = json_array();
    for (uint32_t i = 0; rk_tuning_entry(t, i, &key, &class, &x, &why); i++)
        if (is_wanted(w, &key))
            failed |= json_array_append_new(
                          list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:I, s:s, s:s?}",
                                          "backend", key.backend, "device", key.device, "driver",
                                          key.driver, "class", class, "choice", x.choice, "seconds",
                                          x.seconds, "usual", x.usual, "samples",
                                          (json_int_t)x.samples, "mode", x.mode, "bad", why)) != 0;
    rk_tuning_digest(t, digest);
    json_t *root = json_pack("{s:s, s:o}", "digest", digest, "entries", list);
    if (failed) {
        json_decref(root);
        root = NULL;
    }
    return rk_cli_json(stdout, root, e);
}

/* ---- the rest ---- */

static rk_status export_to(const rk_tuning *t, const wanted *w, const char *to, rk_error *e)
{
    rk_tuning *part;
    rk_tuning_key key;
    const char *class, *why;
    rk_tuned x;
    bool kept = true;
    RK_TRY(rk_tuning_read("", &part, e));
    for (uint32_t i = 0; kept && rk_tuning_entry(t, i, &key, &class, &x, &why); i++)
        if (is_wanted(w, &key))
            kept = why ? rk_tuning_set_bad(part, &key, class, x.choice, why)
                       : rk_tuning_set(part, &key, class, &x);
    rk_status status =
        kept ? rk_tuning_write(part, to, e) : RK_FAIL(e, RK_E_NOMEM, "no memory for tuning");
    rk_tuning_free(part);
    return status;
}

static rk_status change(const rk_tune_arguments *a, const char *path, const wanted *w, rk_error *e)
{
    rk_tuning *t = NULL, *other = NULL;
    /* A damaged database is given up only as a whole. */
    RK_TRY(rk_tuning_read(a->forget && w->n == 0 ? "" : path, &t, e));
    rk_status status = RK_OK;
    if (a->forget)
        for (uint32_t i = 0; i < w->n; i++) rk_tuning_forget(t, &w->key[i]);
    if (a->from) status = rk_tuning_read(a->from, &other, e);
    if (status == RK_OK && other && !rk_tuning_merge(t, other))
        status = RK_FAIL(e, RK_E_NOMEM, "no memory for tuning");
    if (status == RK_OK) status = rk_tuning_write(t, path, e);
    rk_tuning_free(other);
    rk_tuning_free(t);
    return status;
}

static rk_status change_locked(const rk_tune_arguments *a, const char *path, const wanted *w,
                               rk_error *e)
{
    rk_journal journal;
    rk_journal_left what;
    bool left;
    rk_status status = rk_journal_open(path, &journal, &left, &what, e);
    if (status == RK_OK) status = change(a, path, w, e);
    rk_journal_close(&journal);
    return status;
}

rk_status rk_tune_database(rk_hub *hub, const rk_tune_arguments *a, const char *path,
                           const char *const *device, uint32_t n, rk_error *e)
{
    wanted w;
    rk_tuning *t = NULL;
    RK_TRY(find_wanted(hub, device, n, &w, e));
    if (a->from && access(a->from, R_OK) != 0)
        return RK_FAIL(e, RK_E_IO, "--import: cannot read %s", a->from);
    if (a->forget || a->from) RK_TRY(change_locked(a, path, &w, e));
    if (!a->list && !a->to) return RK_OK;
    RK_TRY(rk_tuning_read(path, &t, e));
    rk_status status = a->to ? export_to(t, &w, a->to, e) : RK_OK;
    if (status == RK_OK && a->list)
        status = a->run.json ? print_json(t, &w, e) : print_table(t, &w, e);
    rk_tuning_free(t);
    return status;
}
