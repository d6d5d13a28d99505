#include "data_harness.h"
#include <stdlib.h>
#include <string.h>

rk_registry *load_plugins(void)
{
    const char *folder = getenv("RETHINK_TEST_PLUGINS");
    const rk_plugin_candidate *c;
    rk_error e = rk_error_new();
    rk_registry *r;
    assert_non_null(folder);
    unsetenv("RETHINK_PLUGIN_PATH");
    if (rk_registry_new(&folder, 1, &r, &e) != RK_OK) fail_msg("%s", e.text);
    uint32_t n = rk_registry_candidates(r, &c);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(c[i].reason, "loaded") != 0) fail_msg("%s: %s", c[i].path, c[i].reason);
    return r;
}

rk_spec *parse_item(const rk_registry *r, uint32_t kind, const char *text)
{
    rk_error e = rk_error_new();
    rk_spec *s;
    if (rk_spec_parse(r, kind, text, &s, &e) != RK_OK) fail_msg("%s", e.text);
    return s;
}

static rk_dataset *load(const rk_registry *r, const rk_spec *data, const char *transform,
                        uint64_t seed, rk_audit *audit)
{
    rk_error e = rk_error_new();
    rk_audit unused;
    rk_spec *t = transform ? parse_item(r, RK_KIND_TRANSFORM, transform) : NULL;
    rk_dataset *d;
    const rk_spec *list[] = {t};
    if (rk_dataset_load(data, list, t ? 1 : 0, seed, &d, audit ? audit : &unused, &e) != RK_OK)
        fail_msg("%s", e.text);
    if (t) assert_null(rk_args_misused(t->args));
    rk_spec_free(t);
    return d;
}

rk_dataset *load_data(const rk_registry *r, const char *data, const char *transform, uint64_t seed,
                      rk_audit *audit)
{
    rk_spec *s = parse_item(r, RK_KIND_DATA, data);
    rk_dataset *d = load(r, s, transform, seed, audit);
    assert_null(rk_args_misused(s->args));
    rk_spec_free(s);
    return d;
}

rk_dataset *load_item(const rk_registry *r, const rk_item *item, int64_t limit,
                      const char *transform, uint64_t seed, rk_audit *audit)
{
    rk_spec s = {.item = item, .limit = {limit, 0}};
    return load(r, &s, transform, seed, audit);
}

void expect_refused(const rk_registry *r, const char *data, const char *const *said)
{
    rk_error e = rk_error_new();
    rk_audit audit;
    rk_spec *s = parse_item(r, RK_KIND_DATA, data);
    rk_dataset *d;
    assert_int_not_equal(rk_dataset_load(s, NULL, 0, 1, &d, &audit, &e), RK_OK);
    assert_null(d);
    assert_null(strchr(e.text, '\n'));
    for (; *said; said++)
        if (!strstr(e.text, *said)) fail_msg("'%s' lacks '%s'", e.text, *said);
    rk_spec_free(s);
}

const char *real_data(void)
{
    const char *folder = getenv("RETHINK_TEST_DATA");
    return folder && folder[0] ? folder : NULL;
}
