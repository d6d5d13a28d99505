#include "device/tuning.h"
#include "base/os.h"
#include "base/text.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION = 1 };
static const char format[] = "rethink tuning";

struct rk_tuning {
    json_t *root, *devices;
};

bool rk_tuning_path(char *out)
{
    const char *own = getenv("RETHINK_TUNING"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (own && *own)
        n = strcmp(own, "off") == 0 ? -1 : snprintf(out, RK_PATH_MAX, "%s", own);
    else if (data && *data == '/')
        n = snprintf(out, RK_PATH_MAX, "%s/rethink/tuning.json", data);
    else if (home && *home == '/')
        n = snprintf(out, RK_PATH_MAX, "%s/.local/share/rethink/tuning.json", home);
    return n >= 0 && n < RK_PATH_MAX;
}

/* ---- the file ---- */

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for tuning"); }

static rk_status check_ops(json_t *ops, json_error_t *why)
{
    const char *class, *text;
    json_t *op;
    double number;
    json_int_t samples;
    json_object_foreach(ops, class, op) if (json_unpack_ex(op, why, 0, "{s:s, s:F, s:F, s:I, s:s!}",
                                                           "choice", &text, "seconds", &number,
                                                           "usual", &number, "samples", &samples,
                                                           "mode", &text) != 0) return RK_E_INVALID;
    return RK_OK;
}

static rk_status check_bad(json_t *bad, json_error_t *why)
{
    const char *class, *choice;
    json_t *of_class, *text;
    json_object_foreach(bad, class, of_class)
    {
        json_object_foreach(of_class, choice,
                            text) if (json_unpack_ex(text, why, JSON_VALIDATE_ONLY, "s") !=
                                      0) return RK_E_INVALID;
        if (json_unpack_ex(of_class, why, JSON_VALIDATE_ONLY, "{}") != 0) return RK_E_INVALID;
    }
    return RK_OK;
}

static rk_status check_devices(json_t *devices, json_error_t *why)
{
    size_t i;
    json_t *device, *ops, *bad;
    const char *text;
    json_array_foreach(devices, i, device)
    {
        if (json_unpack_ex(device, why, 0, "{s:s, s:s, s:s, s:o, s:o!}", "backend", &text, "device",
                           &text, "driver", &text, "ops", &ops, "bad", &bad) != 0 ||
            json_unpack_ex(ops, why, JSON_VALIDATE_ONLY, "{}") != 0 ||
            json_unpack_ex(bad, why, JSON_VALIDATE_ONLY, "{}") != 0)
            return RK_E_INVALID;
        RK_TRY(check_ops(ops, why));
        RK_TRY(check_bad(bad, why));
    }
    return RK_OK;
}

/* What to do with a file that is none of ours.  The user's own database may be given up; for one
 * that was named, --forget alone might drop another. */
static const char *remedy(const char *path)
{
    char used[RK_PATH_MAX];
    const char *own = getenv("RETHINK_TUNING");
    if (!rk_tuning_path(used) || strcmp(used, path) != 0)
        return "export it again where it was made, with 'rethink tune --export'";
    if (!own || !*own) return "'rethink tune --forget' begins a new one";
    return "name another file, or begin it anew with 'rethink tune --forget --tuning FILE'";
}

static rk_status check_root(rk_tuning *t, const char *path, rk_error *e)
{
    const char *name = "";
    json_int_t version = 0;
    json_error_t why = {0};
    if (json_unpack(t->root, "{s:s, s:I}", "format", &name, "version", &version) != 0 ||
        strcmp(name, format) != 0)
        return RK_FAIL(e, RK_E_INVALID, "%s is no database of 'rethink tune': %s", path,
                       remedy(path));
    if (version != VERSION)
        return RK_FAIL(e, RK_E_INVALID, "%s has version %lld, this rethink reads version %d: %s",
                       path, (long long)version, VERSION, remedy(path));
    if (json_unpack_ex(t->root, &why, 0, "{s:s, s:I, s:o!}", "format", &name, "version", &version,
                       "devices", &t->devices) != 0 ||
        json_unpack_ex(t->devices, &why, JSON_VALIDATE_ONLY, "[]") != 0 ||
        check_devices(t->devices, &why) != RK_OK)
        return RK_FAIL(e, RK_E_INVALID, "%s is damaged (%.100s): %s", path, why.text, remedy(path));
    return RK_OK;
}

static rk_status make_empty(rk_tuning *t, rk_error *e)
{
    t->root = json_pack("{s:s, s:i, s:[]}", "format", format, "version", VERSION, "devices");
    t->devices = json_object_get(t->root, "devices");
    return t->devices ? RK_OK : no_memory(e);
}

static rk_status read_file(rk_tuning *t, const char *path, rk_error *e)
{
    struct stat s;
    json_error_t why = {0};
    if (!*path || stat(path, &s) != 0) return make_empty(t, e);
    if (S_ISDIR(s.st_mode))
        return RK_FAIL(e, RK_E_INVALID, "%s is a folder: a tuning database is a file, name one",
                       path);
    t->root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (t->root) return check_root(t, path, e);
    if (json_error_code(&why) == json_error_out_of_memory) return no_memory(e);
    return RK_FAIL(e, RK_E_INVALID, "%s is damaged (line %d: %.100s): %s", path, why.line, why.text,
                   remedy(path));
}

rk_status rk_tuning_read(const char *path, rk_tuning **out, rk_error *e)
{
    rk_tuning *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return no_memory(e);
    rk_status status = read_file(t, path, e);
    if (status == RK_OK)
        *out = t;
    else
        rk_tuning_free(t);
    return status;
}

static rk_status make_folder(const char *path, rk_error *e)
{
    char folder[RK_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) return RK_OK;
    *slash = '\0';
    return rk_os_mkdirs(folder, e);
}

rk_status rk_tuning_write(const rk_tuning *t, const char *path, rk_error *e)
{
    char *text = json_dumps(t->root, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    if (!text) return no_memory(e);
    rk_status status = make_folder(path, e);
    if (status == RK_OK) status = rk_os_write_atomic(path, text, strlen(text), e);
    free(text);
    if (status == RK_E_IO) rk_error_prefix(e, "the tuner's database (--tuning names another file)");
    return status;
}

void rk_tuning_free(rk_tuning *t)
{
    if (!t) return;
    json_decref(t->root);
    free(t);
}

/* ---- entries ---- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_t *find_device(const rk_tuning *t, const rk_tuning_key *key)
{
    size_t i;
    json_t *d;
    json_array_foreach(t->devices, i,
                       d) if (strcmp(text_of(d, "backend"), key->backend) == 0 &&
                              strcmp(text_of(d, "device"), key->device) == 0 &&
                              strcmp(text_of(d, "driver"), key->driver) == 0) return d;
    return NULL;
}

static json_t *need_device(rk_tuning *t, const rk_tuning_key *key)
{
    json_t *d = find_device(t, key);
    if (d) return d;
    d = json_pack("{s:s, s:s, s:s, s:{}, s:{}}", "backend", key->backend, "device", key->device,
                  "driver", key->driver, "ops", "bad");
    return d && json_array_append_new(t->devices, d) == 0 ? d : NULL;
}

static rk_tuned entry_of(const json_t *op)
{
    return (rk_tuned){.choice = text_of(op, "choice"),
                      .mode = text_of(op, "mode"),
                      .seconds = json_number_value(json_object_get(op, "seconds")),
                      .usual = json_number_value(json_object_get(op, "usual")),
                      .samples = json_integer_value(json_object_get(op, "samples"))};
}

bool rk_tuning_find(const rk_tuning *t, const rk_tuning_key *key, const char *class, rk_tuned *out)
{
    const json_t *op = json_object_get(json_object_get(find_device(t, key), "ops"), class);
    if (op) *out = entry_of(op);
    return op != NULL;
}

const char *rk_tuning_bad(const rk_tuning *t, const rk_tuning_key *key, const char *class,
                          const char *choice)
{
    return text_of(json_object_get(json_object_get(find_device(t, key), "bad"), class), choice);
}

bool rk_tuning_set(rk_tuning *t, const rk_tuning_key *key, const char *class, const rk_tuned *x)
{
    json_t *op = json_pack("{s:s, s:f, s:f, s:I, s:s}", "choice", x->choice, "seconds", x->seconds,
                           "usual", x->usual, "samples", (json_int_t)x->samples, "mode", x->mode);
    return json_object_set_new(json_object_get(need_device(t, key), "ops"), class, op) == 0;
}

bool rk_tuning_set_bad(rk_tuning *t, const rk_tuning_key *key, const char *class,
                       const char *choice, const char *why)
{
    json_t *bad = json_object_get(need_device(t, key), "bad"), *of = json_object_get(bad, class);
    if (!of && json_object_set_new(bad, class, json_object()) != 0) return false;
    of = json_object_get(bad, class);
    return json_object_set_new(of, choice, json_string(why)) == 0;
}

/* The i-th of a device: its ops, then its bad choices; counts i down. */
static bool entry_at(json_t *d, uint32_t *i, const char **class, rk_tuned *out, const char **why)
{
    json_t *of, *text;
    const char *choice;
    *why = NULL;
    json_object_foreach(json_object_get(d, "ops"), *class, of)
    {
        if ((*i)--) continue;
        *out = entry_of(of);
        return true;
    }
    json_object_foreach(json_object_get(d, "bad"), *class, of) json_object_foreach(of, choice, text)
    {
        if ((*i)--) continue;
        *out = (rk_tuned){.choice = choice, .mode = ""};
        *why = json_string_value(text);
        return true;
    }
    return false;
}

bool rk_tuning_entry(const rk_tuning *t, uint32_t i, rk_tuning_key *key, const char **class,
                     rk_tuned *out, const char **why)
{
    size_t at;
    json_t *d;
    json_array_foreach(t->devices, at, d)
    {
        *key = (rk_tuning_key){text_of(d, "backend"), text_of(d, "device"), text_of(d, "driver")};
        if (entry_at(d, &i, class, out, why)) return true;
    }
    return false;
}

void rk_tuning_forget(rk_tuning *t, const rk_tuning_key *key)
{
    if (!key) {
        json_array_clear(t->devices);
        return;
    }
    const json_t *d = find_device(t, key);
    for (size_t i = 0; d && i < json_array_size(t->devices); i++)
        if (json_array_get(t->devices, i) == d) {
            json_array_remove(t->devices, i);
            return;
        }
}

bool rk_tuning_merge(rk_tuning *t, const rk_tuning *other)
{
    rk_tuning_key key;
    const char *class, *why;
    rk_tuned x;
    bool kept = true;
    for (uint32_t i = 0; kept && rk_tuning_entry(other, i, &key, &class, &x, &why); i++)
        kept = why ? rk_tuning_set_bad(t, &key, class, x.choice, why)
                   : rk_tuning_set(t, &key, class, &x);
    return kept;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void rk_tuning_digest(const rk_tuning *t, char out[33])
{
    size_t n = json_array_size(t->devices), have = 0, bytes = 1;
    char **text = calloc(n + 1, sizeof *text), *all = NULL;
    out[0] = '\0';
    for (; text && have < n; have++) {
        text[have] = json_dumps(json_array_get(t->devices, have),
                                JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
        if (!text[have]) break;
        bytes += strlen(text[have]);
    }
    if (n && text && have == n) all = calloc(1, bytes);
    if (all) {
        qsort(text, n, sizeof *text, by_text);
        for (size_t i = 0; i < n; i++) strcat(all, text[i]);
        rk_digest_hex(all, bytes - 1, out);
    }
    while (text && have) free(text[--have]);
    free(text);
    free(all);
}
