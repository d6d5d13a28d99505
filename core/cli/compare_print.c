/* What rethink compare prints, for people and as JSON. */
#include "cli/compare.h"
#include "rethink/numerics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(member)                                                                             \
    {                                                                                              \
#member, RK_FIELD_REAL, NULL, offsetof(rk_epoch_record, member)                            \
    }
static const rk_field numbers[] = {NUMBER(online_loss), NUMBER(online_accuracy),
                                   NUMBER(train_loss),  NUMBER(train_accuracy),
                                   NUMBER(test_loss),   NUMBER(test_accuracy)};

const rk_field *rk_compare_numbers(size_t *n)
{
    *n = sizeof numbers / sizeof *numbers;
    return numbers;
}

double rk_compare_number(const rk_field *field, const rk_epoch_record *row)
{
    double x;
    memcpy(&x, (const char *)row + field->offset, sizeof x);
    return x;
}

const char *rk_compare_dtype(uint32_t dtype)
{
    return dtype == RK_F32 ? "f32" : dtype == RK_U32 ? "u32" : "u8";
}

void rk_compare_place(const rk_shape *shape, uint64_t element, char *out, size_t cap)
{
    int64_t index[RK_MAX_RANK], rest = (int64_t)element;
    size_t at = 0;
    for (uint32_t d = shape->rank; d-- > 0; rest /= shape->dim[d]) index[d] = rest % shape->dim[d];
    snprintf(out, cap, "[");
    for (uint32_t d = 0; d < shape->rank; d++) {
        at = strlen(out);
        snprintf(out + at, cap - at, "%s%lld", d ? ", " : "", (long long)index[d]);
    }
    at = strlen(out);
    snprintf(out + at, cap - at, "]");
}

/* ---- for people ---- */

static void cell_of(rk_table *t, const json_t *value)
{
    if (json_is_string(value)) {
        rk_table_cell(t, "%s", json_string_value(value)[0] ? json_string_value(value) : "-");
        return;
    }
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
    rk_table_cell(t, "%s", text ? text : "-");
    free(text);
}

static void pairs(rk_table *t, const char *group, json_t *differences)
{
    const char *name;
    json_t *pair;
    json_object_foreach(differences, name, pair)
    {
        rk_table_cell(t, "%s", group);
        rk_table_cell(t, "%s", name);
        for (size_t i = 0; i < 2; i++) cell_of(t, json_array_get(pair, i));
        group = "";
    }
}

static rk_status print_settings(const rk_comparison *c, FILE *f, rk_error *e)
{
    const char *heads[] = {"differs", "", c->head[0], c->head[1]};
    if (json_object_size(c->configuration) + json_object_size(c->provenance) == 0) {
        fprintf(f, "%s and %s have the same configuration and provenance\n", c->head[0],
                c->head[1]);
        return RK_OK;
    }
    rk_table *t = rk_table_new("llll", heads);
    pairs(t, "configuration", c->configuration);
    pairs(t, "provenance", c->provenance);
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

static void number_rows(const rk_comparison *c, rk_table *t, int64_t epoch)
{
    const rk_epoch_record *a = rk_compare_row(c, 0, epoch), *b = rk_compare_row(c, 1, epoch);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double x = rk_compare_number(&numbers[i], a), y = rk_compare_number(&numbers[i], b);
        rk_table_cell(t, "%lld", (long long)epoch);
        rk_table_cell(t, "%s", numbers[i].name);
        rk_table_cell(t, "%.9g", x);
        rk_table_cell(t, "%.9g", y);
        if (rk_compare_same(x, y))
            rk_table_cell(t, "equal");
        else
            rk_table_cell(t, "%+.3g", y - x);
    }
}

static rk_status print_numbers(const rk_comparison *c, FILE *f, rk_error *e)
{
    const char *heads[] = {"epoch", "number", c->head[0], c->head[1], "difference"};
    int64_t first = c->bits ? c->bits : c->numbers;
    rk_table *t = rk_table_new("rlrrr", heads);
    number_rows(c, t, first);
    if (c->epochs > first) number_rows(c, t, c->epochs);
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

static rk_status print_epochs(const rk_comparison *c, FILE *f, rk_error *e)
{
    int64_t more[2] = {c->side[0].epochs[0] - c->epochs, c->side[1].epochs[0] - c->epochs};
    for (int i = 0; i < 2; i++)
        if (more[i] > 0)
            fprintf(f, "%s goes on for %lld more epoch%s\n", c->head[i], (long long)more[i],
                    more[i] > 1 ? "s" : "");
    if (!c->epochs) {
        fprintf(f, "Neither has an epoch; their weights %s\n",
                c->weights ? "differ" : "are equal to the bit");
        return RK_OK;
    }
    if (!c->bits && !c->numbers) {
        fprintf(f, "Equal bits in all %lld epochs\n", (long long)c->epochs);
        return RK_OK;
    }
    if (c->bits)
        fprintf(f, "The weights differ from epoch %lld on; the %lld before are equal to the bit\n",
                (long long)c->bits, (long long)c->bits - 1);
    else
        fprintf(f,
                "The weights are equal to the bit in all %lld epochs, but not what was measured "
                "from epoch %lld on\n",
                (long long)c->epochs, (long long)c->numbers);
    return print_numbers(c, f, e);
}

static rk_status print_found(const rk_comparison *c, FILE *f, rk_error *e)
{
    const char *heads[] = {"found", "", c->head[0], c->head[1]};
    if (c->n_found && json_object_size(c->found) == 0)
        fputs("What both runs' diagnostics found is equal to the bit\n", f);
    if (json_object_size(c->found) == 0) return RK_OK;
    rk_table *t = rk_table_new("llll", heads);
    pairs(t, "differs", c->found);
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

static void print_word(FILE *f, uint32_t dtype, uint32_t word)
{
    if (dtype == RK_F32)
        fprintf(f, "%.9g (0x%08x)", (double)rk_float(word), word);
    else
        fprintf(f, "%u", word);
}

static void print_bits(const rk_bisected *b, FILE *f)
{
    const rk_bits_difference *d = &b->bits;
    char place[128];
    rk_compare_place(&b->shape, d->first, place, sizeof place);
    fprintf(f, "  %llu of %llu elements differ, ", (unsigned long long)d->differing,
            (unsigned long long)d->count);
    if (d->nan) fprintf(f, "some are NaN on one side only, ");
    fprintf(f, b->dtype == RK_F32 ? "by at most %llu ULP\n" : "by at most %llu\n",
            (unsigned long long)d->most);
    fprintf(f, "  the first is element %llu, at %s: ", (unsigned long long)d->first, place);
    print_word(f, b->dtype, d->a);
    fprintf(f, " and ");
    print_word(f, b->dtype, d->b);
    fputc('\n', f);
}

static void print_step(const rk_comparison *c, const rk_bisected *b, FILE *f)
{
    fprintf(f, "The first other bits: epoch %lld, step %lld, %s, step %u of %u of its plan\n",
            (long long)b->epoch, (long long)b->step, b->program, b->number, b->steps);
    fprintf(f, "  %s\n", b->text);
    if (b->code[0]) fprintf(f, "  program: %s\n", b->code);
    for (int i = 0; i < 2; i++)
        fprintf(f, "  %s on %s: %s\n", c->head[i], b->device[i], b->impl[i]);
    fprintf(f, "  its operands have equal bits, its result %s%s%%%u does not:\n",
            b->name[0] ? b->name : "", b->name[0] ? " " : "", b->buffer);
    print_bits(b, f);
}

static void print_bisected(const rk_comparison *c, const rk_bisected *b, FILE *f)
{
    if (b->fusion == RK_FUSION_NONE)
        fputs("The runs' plans differ: both were run with one kernel per operation (unfused)\n", f);
    if (b->fusion == RK_FUSION_BOTH && b->verdict == RK_VERDICT_SAME)
        fputs("The runs' plans differ; both unfused, as both fused, they agree: it is fusion by "
              "itself that gives other bits on one of the devices\n",
              f);
    else if (b->fusion == RK_FUSION_BOTH)
        fputs("The runs' plans differ; with both unfused there is no difference: what is fused is "
              "at fault.  With both fused:\n",
              f);
    for (int i = 0; i < 2; i++)
        if (b->other[i])
            fprintf(f,
                    "%s: done again, epoch %lld does not have the digest that is recorded: the "
                    "device, its driver or the program is not what it was\n",
                    c->head[i], (long long)b->other[i]);
    switch (b->verdict) {
    case RK_VERDICT_SAME:
        fprintf(f,
                "Done again, both give equal bits in every step of the epochs from %lld to %lld\n",
                (long long)b->from, (long long)(c->bits ? c->bits : c->numbers));
        break;
    case RK_VERDICT_START:
        fprintf(f, "%s differs before epoch %lld, step %lld, when no kernel of it had run:\n",
                b->name, (long long)b->epoch, (long long)b->step);
        print_bits(b, f);
        break;
    case RK_VERDICT_GONE:
        fprintf(f,
                "After epoch %lld, step %lld %s differed, but not when the step was done again one "
                "kernel at a time: kernels that run at once disturb each other, or the device is "
                "not reliable\n",
                (long long)b->epoch, (long long)b->step, b->name);
        print_bits(b, f);
        break;
    case RK_VERDICT_STEP: print_step(c, b, f); break;
    }
}

rk_status rk_compare_print(const rk_comparison *c, const rk_bisected *bisected, FILE *f,
                           rk_error *e)
{
    RK_TRY(print_settings(c, f, e));
    RK_TRY(print_epochs(c, f, e));
    RK_TRY(print_found(c, f, e));
    if (bisected) print_bisected(c, bisected, f);
    return RK_OK;
}

/* ---- JSON ---- */

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *numbers_json(const rk_comparison *c)
{
    json_t *rows = json_array();
    bool good = rows;
    for (int64_t epoch = 1; epoch <= c->epochs && good; epoch++) {
        json_t *row = json_pack("{s:I}", "epoch", (json_int_t)epoch);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers && good; i++) {
            json_t *pair = json_array();
            for (int k = 0; k < 2; k++) {
                const rk_epoch_record *r = rk_compare_row(c, k, epoch);
                good &= json_array_append_new(pair,
                                              real_or_null(rk_compare_number(&numbers[i], r))) == 0;
            }
            good &= json_object_set_new(row, numbers[i].name, pair) == 0;
        }
        good &= json_array_append_new(rows, row) == 0;
    }
    if (good) return rows;
    json_decref(rows);
    return NULL;
}

static json_t *word_json(uint32_t dtype, uint32_t word)
{
    char text[16];
    snprintf(text, sizeof text, dtype == RK_F32 ? "0x%08x" : "%u", word);
    return json_string(text);
}

static json_t *bits_json(const rk_bisected *b)
{
    json_t *shape = json_array();
    for (uint32_t d = 0; d < b->shape.rank; d++)
        json_array_append_new(shape, json_integer(b->shape.dim[d]));
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:[o, o]}", "name", b->name, "dtype",
                     rk_compare_dtype(b->dtype), "shape", shape, "elements",
                     (json_int_t)b->bits.count, "differing", (json_int_t)b->bits.differing, "first",
                     (json_int_t)b->bits.first, "most", (json_int_t)b->bits.most, "nan",
                     (int)b->bits.nan, "words", word_json(b->dtype, b->bits.a),
                     word_json(b->dtype, b->bits.b));
}

static json_t *bisected_json(const rk_bisected *b)
{
    static const char *const verdicts[] = {"same", "start", "step", "gone"};
    static const char *const fusions[] = {"recorded", "none", "both"};
    json_t *root = json_pack("{s:s, s:s, s:I, s:[I, I], s:[s, s]}", "verdict", verdicts[b->verdict],
                             "fusion", fusions[b->fusion], "from", (json_int_t)b->from,
                             "not_reproduced", (json_int_t)b->other[0], (json_int_t)b->other[1],
                             "devices", b->device[0], b->device[1]);
    if (b->verdict == RK_VERDICT_SAME) return root;
    json_object_set_new(root, "epoch", json_integer(b->epoch));
    json_object_set_new(root, "step", json_integer(b->step));
    json_t *result = bits_json(b);
    if (!result || json_object_set_new(root, "result", result) != 0) {
        json_decref(root);
        return NULL;
    }
    if (b->verdict != RK_VERDICT_STEP) return root;
    json_t *plan = json_pack("{s:s, s:i, s:i, s:s, s:s, s:[s, s]}", "program", b->program, "number",
                             (int)b->number, "of", (int)b->steps, "text", b->text, "code", b->code,
                             "kernels", b->impl[0], b->impl[1]);
    json_object_set_new(root, "plan_step", plan);
    return root;
}

json_t *rk_compare_json(const rk_comparison *c, const rk_bisected *bisected)
{
    json_t *runs = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(runs, json_pack("{s:s, s:I}", "file", c->path[i], "run",
                                              (json_int_t)c->side[i].run[0]->id));
    return json_pack("{s:o, s:b, s:I, s:I, s:I, s:O, s:O, s:O, s:o, s:o}", "runs", runs, "equal",
                     (int)(!c->bits && !c->numbers && !c->weights && !json_object_size(c->found)),
                     "epochs", (json_int_t)c->epochs, "first_difference", (json_int_t)c->bits,
                     "first_measured_difference", (json_int_t)c->numbers, "configuration",
                     c->configuration, "provenance", c->provenance, "found", c->found, "numbers",
                     numbers_json(c), "bisect", bisected ? bisected_json(bisected) : json_null());
}
