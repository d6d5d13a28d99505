/* Ops as text, for another process of the same program. */
#include "device/helpers.h"
#include <string.h>

enum { MAX_RANK = 6, P = 24 };

static bool add(json_t *list, int64_t x)
{
    return json_array_append_new(list, json_integer((json_int_t)x)) == 0;
}

/* [dtype, rank, extents, strides] of each. */
static json_t *write_tensors(const rk_tensor *t, uint32_t n)
{
    json_t *all = json_array();
    bool good = all != NULL;
    for (uint32_t i = 0; i < n && good; i++) {
        json_t *one = json_array();
        good = one && add(one, t[i].dtype) && add(one, t[i].rank);
        for (uint32_t d = 0; d < t[i].rank && good; d++) good = add(one, t[i].dim[d]);
        for (uint32_t d = 0; d < t[i].rank && good; d++) good = add(one, t[i].stride[d]);
        good = json_array_append_new(all, one) == 0 && good;
    }
    if (good) return all;
    json_decref(all);
    return NULL;
}

static json_t *write_code(const rk_op *op)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (uint32_t i = 0; i < op->n_code && good; i++)
        good = add(list, op->code[i].op) && add(list, op->code[i].a) && add(list, op->code[i].b) &&
               add(list, op->code[i].c);
    if (good) return list;
    json_decref(list);
    return NULL;
}

static json_t *write_words(const rk_op *op)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (uint32_t i = 0; i < op->n_imm && good; i++) good = add(list, op->imm[i]);
    for (int i = 0; i < P && good; i++) good = add(list, op->p[i]);
    if (good) return list;
    json_decref(list);
    return NULL;
}

json_t *rk_op_json(const rk_op *op)
{
    return json_pack("{s:i, s:i, s:i, s:o*, s:o*, s:o*, s:o*}", "kind", (int)op->kind, "rev",
                     (int)op->rev, "flags", (int)op->flags, "in", write_tensors(op->in, op->n_in),
                     "out", write_tensors(op->out, op->n_out), "code", write_code(op), "words",
                     write_words(op));
}

static int64_t at(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

static const rk_tensor *read_tensors(const json_t *list, rk_pool *pool, uint32_t *n)
{
    *n = (uint32_t)json_array_size(list);
    rk_tensor *t = rk_pool_array(pool, *n + (size_t)1, sizeof *t);
    for (uint32_t i = 0; t && i < *n; i++) {
        const json_t *one = json_array_get(list, i);
        t[i].dtype = (uint32_t)at(one, 0);
        t[i].rank = (uint32_t)at(one, 1);
        if (t[i].rank > MAX_RANK || json_array_size(one) != 2 + 2 * (size_t)t[i].rank) return NULL;
        for (uint32_t d = 0; d < t[i].rank; d++) {
            t[i].dim[d] = at(one, 2 + d);
            t[i].stride[d] = at(one, 2 + t[i].rank + d);
        }
    }
    return t;
}

static const rk_ins *read_code(const json_t *list, rk_pool *pool, uint32_t n)
{
    rk_ins *code = rk_pool_array(pool, n + (size_t)1, sizeof *code);
    for (uint32_t i = 0; code && i < n; i++) {
        size_t k = 4 * (size_t)i;
        code[i] = (rk_ins){(uint16_t)at(list, k), (uint16_t)at(list, k + 1),
                           (uint16_t)at(list, k + 2), (uint16_t)at(list, k + 3)};
    }
    return code;
}

bool rk_op_read(const json_t *from, rk_pool *pool, rk_op *op)
{
    const json_t *code = json_object_get(from, "code"), *words = json_object_get(from, "words");
    memset(op, 0, sizeof *op);
    op->size = sizeof *op;
    op->kind = (uint32_t)json_integer_value(json_object_get(from, "kind"));
    op->rev = (uint32_t)json_integer_value(json_object_get(from, "rev"));
    op->flags = (uint32_t)json_integer_value(json_object_get(from, "flags"));
    op->n_code = (uint32_t)(json_array_size(code) / 4);
    if (json_array_size(words) < P) return false;
    op->n_imm = (uint32_t)json_array_size(words) - P;
    uint32_t *imm = rk_pool_array(pool, op->n_imm + (size_t)1, sizeof *imm);
    op->in = read_tensors(json_object_get(from, "in"), pool, &op->n_in);
    op->out = read_tensors(json_object_get(from, "out"), pool, &op->n_out);
    op->code = read_code(code, pool, op->n_code);
    if (!imm || !op->in || !op->out || !op->code) return false;
    for (uint32_t i = 0; i < op->n_imm; i++) imm[i] = (uint32_t)at(words, i);
    for (uint32_t i = 0; i < P; i++) op->p[i] = at(words, op->n_imm + (size_t)i);
    op->imm = imm;
    return true;
}
