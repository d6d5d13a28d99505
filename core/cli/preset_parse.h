/* preset_parse.h: what the files that read presets share. */
#ifndef RK_CLI_PRESET_PARSE_H
#define RK_CLI_PRESET_PARSE_H
#include "cli/preset.h"

/* A section's head: "variant random labels @ full" has these parts. */
typedef struct rk_section {
    char kind[16], label[64];
    uint32_t scales; /* what '@' says; all without */
    bool restricted; /* there is a '@' */
    uint32_t line;   /* of the key that is read */
    bool first;      /* the key is the first one below its head */
} rk_section;

/* Room for one more element of an array in the pool; NULL without memory.  Arrays are short: old
 * copies may stay. */
void *rk_preset_longer(rk_pool *pool, void *old, uint32_t n, size_t size);
rk_status rk_preset_no_memory(const rk_preset *p, rk_error *e);
/* A copy of a text in the preset's pool. */
rk_status rk_preset_text(rk_preset *p, const char *text, const char **out, rk_error *e);

/* One key of a section [claim], [paper] or [figure]. */
rk_status rk_preset_claim(rk_preset *p, const rk_section *s, const char *key, const char *value,
                          rk_error *e);
rk_status rk_preset_paper(rk_preset *p, const rk_section *s, const char *key, const char *value,
                          rk_error *e);
rk_status rk_preset_figure(rk_preset *p, const rk_section *s, const char *key, const char *value,
                           rk_error *e);
/* The key 'after' of a variant; and of all of them, whether the labels are there and no variant
 * comes after itself. */
rk_status rk_preset_after(rk_preset *p, rk_variant *v, const char *label, uint32_t line,
                          rk_error *e);
rk_status rk_preset_check_after(const rk_preset *p, rk_error *e);
/* What can be said only of the whole: a grid's key that a variant sets, a claim without anything
 * that holds, labels that no variant has; and at which scales papers' numbers are. */
rk_status rk_preset_whole(rk_preset *p, rk_error *e);
#endif
