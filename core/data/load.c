#include "data/load.h"
#include "base/error.h"
#include "base/library.h"
#include "data/args.h"
#include "data/names.h"
#include "data/registry.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ITEMS_MAX = 4096, TABLE_BYTES_MAX = 65536 };
#define PLUGIN_BYTES_MIN (offsetof(rk_plugin, n_items) + sizeof(uint32_t))
#define ITEM_BYTES_MIN (offsetof(rk_item, params) + sizeof(void *))
#define REMEDY "rebuild it with the rethink/plugin.h of this version"

rk_status rk_plugin_trust(const char *path, rk_error *e)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return RK_FAIL(e, RK_E_IO, "%s",
                       errno == ENOENT ? "no such file or folder" : strerror(errno));
    if (s.st_mode & S_IWOTH)
        return RK_FAIL(e, RK_E_INVALID, "any user may write to this %s: chmod o-w it",
                       S_ISDIR(s.st_mode) ? "folder" : "file");
    return RK_OK;
}

/* Bytes that lie behind a symbol, by the symbol table of its object; 0 if it has no size. */
static size_t symbol_bytes(const void *address)
{
    Dl_info info;
    void *symbol = NULL;
    if (!dladdr1(address, &info, &symbol, RTLD_DL_SYMENT) || !symbol) return 0;
    return ((const ElfW(Sym) *)symbol)->st_size;
}

static rk_status check_symbol(const rk_plugin *t, rk_error *e)
{
    size_t bytes = symbol_bytes(t);
    if (bytes < PLUGIN_BYTES_MIN)
        return RK_FAIL(e, RK_E_ABI,
                       "rk_plugin_table has %zu bytes, at least %zu are needed: " REMEDY, bytes,
                       PLUGIN_BYTES_MIN);
    if (t->size > bytes)
        return RK_FAIL(e, RK_E_ABI, "rk_plugin_table says it has %u bytes but has %zu: " REMEDY,
                       t->size, bytes);
    return RK_OK;
}

rk_status rk_plugin_open(const char *path, const rk_plugin **out, rk_error *e)
{
    RK_TRY(rk_library_whole(path, e));
    /* NODELETE, and the handle is kept: specs, graphs and records point into the table. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return RK_FAIL(e, RK_E_IO, "%s", dlerror());
    const rk_plugin *table = dlsym(handle, "rk_plugin_table");
    if (!table)
        return RK_FAIL(e, RK_E_ABI, "not an experiment plugin: it does not export rk_plugin_table");
    RK_TRY(check_symbol(table, e));
    RK_TRY(rk_plugin_check(table, e));
    *out = table;
    return RK_OK;
}

static bool all_zero(const void *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (((const unsigned char *)p)[i]) return false;
    return true;
}

static const rk_item *item_at(const rk_plugin *t, uint32_t i)
{
    return (const rk_item *)(const void *)((const char *)t->items + (size_t)i * t->item_size);
}

rk_item rk_plugin_item(const rk_plugin *t, uint32_t i)
{
    const rk_item *from = item_at(t, i);
    rk_item item = {0};
    memcpy(&item, from, from->size < sizeof item ? from->size : sizeof item);
    return item;
}

static bool has_function(const rk_item *item)
{
    switch (item->kind) {
    case RK_KIND_MODEL: return item->model;
    case RK_KIND_DATA: return item->data;
    case RK_KIND_TRANSFORM: return item->transform;
    case RK_KIND_REGULARIZER:
        return item->penalty || item->objective || item->project || item->perturb;
    case RK_KIND_OPTIMIZER: return item->step;
    case RK_KIND_SCHEDULE: return item->rate;
    case RK_KIND_AUGMENT: return item->augment;
    case RK_KIND_DIAGNOSTIC: return item->diagnose;
    default: return false;
    }
}

static rk_status check_param(const rk_param_spec *p, rk_error *e)
{
    bool number = p->type == RK_PARAM_INT || p->type == RK_PARAM_REAL;
    if (!rk_name_valid(p->name))
        return RK_FAIL(e, RK_E_INVALID, "'%.64s' is no name for a parameter", p->name);
    if (!p->doc || !p->doc[0]) return RK_FAIL(e, RK_E_INVALID, "%s has no doc", p->name);
    if (p->type < RK_PARAM_INT || p->type > RK_PARAM_PATH)
        return RK_FAIL(e, RK_E_INVALID, "%s has the unknown type %u", p->name, p->type);
    if (number && !(p->lo <= p->hi))
        return RK_FAIL(e, RK_E_INVALID, "%s has the empty range %g to %g", p->name, p->lo, p->hi);
    if (p->type == RK_PARAM_CHOICE && (!p->choices || !p->choices[0]))
        return RK_FAIL(e, RK_E_INVALID, "%s has no choices", p->name);
    if (!p->initial) return RK_OK;
    rk_arg_value value = {0};
    rk_status status = rk_param_parse(p, p->initial, &value, e);
    free(value.text);
    return status == RK_OK ? RK_OK : rk_error_prefix(e, "default");
}

static rk_status check_params(const rk_item *item, rk_error *e)
{
    for (uint32_t i = 0; item->params && item->params[i].name; i++) {
        const rk_param_spec *p = &item->params[i];
        if (i >= RK_PARAMS_MAX)
            return RK_FAIL(e, RK_E_INVALID, "more than %u parameters: does the table end with {0}?",
                           (unsigned)RK_PARAMS_MAX);
        RK_TRY(check_param(p, e));
        if (item->kind == RK_KIND_DATA && strcmp(p->name, "limit") == 0)
            return RK_FAIL(e, RK_E_INVALID, "the parameter limit is the core's own");
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(item->params[j].name, p->name) == 0)
                return RK_FAIL(e, RK_E_INVALID, "the parameter %s is there twice", p->name);
    }
    return RK_OK;
}

static rk_status check_item(const rk_plugin *t, uint32_t i, rk_error *e)
{
    const rk_item *raw = item_at(t, i);
    if (raw->size < ITEM_BYTES_MIN || raw->size > t->item_size)
        return RK_FAIL(e, RK_E_ABI, "size %u is not from %zu to the table's item_size %u: " REMEDY,
                       raw->size, ITEM_BYTES_MIN, t->item_size);
    if (!all_zero(raw, sizeof *raw, raw->size))
        return RK_FAIL(e, RK_E_ABI, "it uses fields that this version does not know");
    rk_item item = rk_plugin_item(t, i);
    if (!rk_name_valid(item.name))
        return RK_FAIL(e, RK_E_INVALID, "'%.64s' is no name: lower-case letters, digits, - and _",
                       item.name ? item.name : "(null)");
    if (item.kind < RK_KIND_MODEL || item.kind > RK_KIND_DIAGNOSTIC)
        return RK_FAIL(e, RK_E_ABI, "the kind %u of %s is unknown to this version", item.kind,
                       item.name);
    if (!item.doc || !item.doc[0]) return RK_FAIL(e, RK_E_INVALID, "%s has no doc", item.name);
    if (!has_function(&item))
        return RK_FAIL(e, RK_E_INVALID, "%s lacks the function of its kind, %s", item.name,
                       rk_kind_name(item.kind));
    if (check_params(&item, e) != RK_OK) return rk_error_prefix(e, "%s", item.name);
    for (uint32_t j = 0; j < i; j++)
        if (item_at(t, j)->kind == item.kind && strcmp(item_at(t, j)->name, item.name) == 0)
            return RK_FAIL(e, RK_E_INVALID, "the %s %s is there twice", rk_kind_name(item.kind),
                           item.name);
    return RK_OK;
}

rk_status rk_plugin_check(const rk_plugin *t, rk_error *e)
{
    if (t->size < PLUGIN_BYTES_MIN || t->size > TABLE_BYTES_MAX)
        return RK_FAIL(e, RK_E_ABI, "the table's size is %u, at least %zu is needed: " REMEDY,
                       t->size, PLUGIN_BYTES_MIN);
    if (t->abi != RK_PLUGIN_ABI)
        return RK_FAIL(e, RK_E_ABI,
                       "written for version %u of the plugin interface, this is %u: " REMEDY,
                       t->abi, RK_PLUGIN_ABI);
    if (!all_zero(t, sizeof *t, t->size))
        return RK_FAIL(e, RK_E_ABI, "its table uses fields that this version does not know");
    if (!rk_name_valid(t->name) || !t->version || !t->version[0])
        return RK_FAIL(e, RK_E_INVALID, "its table has no proper name or version");
    if (!t->items || t->n_items == 0 || t->n_items > ITEMS_MAX)
        return RK_FAIL(e, RK_E_INVALID, "its table has %u items, from 1 to %d are allowed",
                       t->items ? t->n_items : 0, (int)ITEMS_MAX);
    if (t->item_size < ITEM_BYTES_MIN || t->item_size > TABLE_BYTES_MAX ||
        t->item_size % sizeof(void *))
        return RK_FAIL(e, RK_E_ABI, "item_size is %u, at least %zu is needed: " REMEDY,
                       t->item_size, ITEM_BYTES_MIN);
    for (uint32_t i = 0; i < t->n_items; i++)
        if (check_item(t, i, e) != RK_OK) return rk_error_prefix(e, "item %u", i);
    return RK_OK;
}
