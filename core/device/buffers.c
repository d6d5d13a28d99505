/* States and inputs: found by name, shared by the programs of a session. */
#include <stdlib.h>
#include <string.h>
#include "device/program.h"

static const char KEY[] = "rng/key"; /* seed low, seed high, step: what RNG nodes read */

bool rk_session_find(const rk_session *s, const char *name, uint32_t *at)
{
    uint32_t low = 0, high = s->n_buffer;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(s->buffer[middle].name, name);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static bool agree(const rk_buffer_info *a, const rk_buffer *b)
{
    return a->dtype == b->dtype && a->input == (b->kind == RK_BUFFER_INPUT) &&
           a->shape.rank == b->shape.rank &&
           memcmp(a->shape.dim, b->shape.dim, a->shape.rank * sizeof *a->shape.dim) == 0;
}

static rk_status insert(rk_session *s, uint32_t at, const rk_buffer *b, rk_error *e)
{
    if (s->n_buffer == s->cap_buffer) {
        uint32_t cap = 2 * s->cap_buffer + 16;
        rk_buffer_info *wider = realloc(s->buffer, cap * sizeof *wider);
        if (wider) s->buffer = wider;
        uint64_t *offset = wider ? realloc(s->offset, cap * sizeof *offset) : NULL;
        if (!offset) return RK_FAIL(e, RK_E_NOMEM, "no memory for the states of a session");
        s->offset = offset;
        s->cap_buffer = cap;
    }
    const char *name = rk_pool_string(&s->pool, b->name);
    if (!name) return RK_FAIL(e, RK_E_NOMEM, "no memory for the states of a session");
    memmove(s->buffer + at + 1, s->buffer + at, (s->n_buffer - at) * sizeof *s->buffer);
    s->buffer[at] =
        (rk_buffer_info){.name = name,
                         .dtype = b->dtype,
                         .shape = b->shape,
                         .bytes = (uint64_t)rk_shape_size(b->shape) * rk_dtype_bytes(b->dtype),
                         .input = b->kind == RK_BUFFER_INPUT,
                         .trained = b->trained,
                         .statistic = b->statistic,
                         .init = b->init};
    s->n_buffer++;
    return RK_OK;
}

rk_status rk_session_join(rk_session *s, const rk_plan *plan, rk_error *e)
{
    for (uint32_t i = 1; i < plan->n_buffer; i++) {
        const rk_buffer *b = &plan->buffer[i];
        uint32_t at;
        if (b->kind != RK_BUFFER_INPUT && b->kind != RK_BUFFER_STATE) continue;
        if (!rk_session_find(s, b->name, &at)) {
            RK_TRY(insert(s, at, b, e));
        } else if (!agree(&s->buffer[at], b)) {
            return RK_FAIL(e, RK_E_INVALID,
                           "'%s' is of another type or shape here than in an earlier program",
                           b->name);
        }
        s->buffer[at].statistic |= b->statistic;
        if (b->trained && !s->buffer[at].trained) {
            s->buffer[at].trained = true;
            s->buffer[at].init = b->init;
        }
    }
    return RK_OK;
}

/* ---- commit ---- */

static rk_status write_zeros(rk_session *s, rk_error *e)
{
    enum { PART = 1 << 20 };
    unsigned char *zero = calloc(1, PART);
    rk_status status = zero ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory to clear states");
    for (uint64_t at = 0; at < s->states.bytes && status == RK_OK;) {
        uint64_t piece = s->states.piece_bytes - at % s->states.piece_bytes;
        uint64_t n = s->states.bytes - at;
        n = n < PART ? n : PART;
        n = n < piece ? n : piece;
        rk_arg to = rk_area_at(&s->states, at);
        status = rk_open_write(&s->device, to.mem, to.offset, zero, n, e);
        at += n;
    }
    free(zero);
    return status;
}

static rk_status write_key(rk_session *s, rk_error *e)
{
    const uint32_t key[3] = {(uint32_t)s->options.seed, (uint32_t)(s->options.seed >> 32), 0};
    uint32_t at;
    if (!rk_session_find(s, KEY, &at) || s->buffer[at].bytes != sizeof key) return RK_OK;
    return rk_session_write(s, KEY, key, sizeof key, e);
}

/* Before the first is allocated: a system may let a program have what it does not have, and kill it
 * when it is used. */
static rk_status check_total(const rk_session *s, uint64_t states, uint64_t arena, rk_error *e)
{
    const double gib = 1 << 30;
    uint64_t total = s->device.info.mem_total;
    if (!total || (states <= total && arena <= total - states)) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM,
                   "states of %.2f GiB and temporaries of %.2f GiB do not fit into %s, which has "
                   "%.2f GiB: take a smaller --batch",
                   (double)states / gib, (double)arena / gib, s->device.spec, (double)total / gib);
}

static rk_status allocate(rk_session *s, rk_error *e)
{
    uint64_t states = 0, arena = 0, staging = 0;
    for (uint32_t i = 0; i < s->n_buffer; i++) {
        uint64_t bytes = s->buffer[i].bytes ? s->buffer[i].bytes : 1;
        if (bytes > rk_area_piece(&s->device))
            return RK_FAIL(e, RK_E_NOMEM, "'%s' has %llu bytes; %s allocates at most %llu at once",
                           s->buffer[i].name, (unsigned long long)bytes, s->device.spec,
                           (unsigned long long)rk_area_piece(&s->device));
        s->offset[i] = rk_area_fit(&s->device, states, bytes);
        states = s->offset[i] + bytes;
    }
    for (uint32_t i = 0; i < s->n_program; i++)
        for (uint32_t b = 1; b < s->program[i]->plan->n_buffer; b++) {
            rk_buffer *x = &s->program[i]->plan->buffer[b];
            if (x->kind != RK_BUFFER_ONCE) continue;
            x->offset = rk_area_fit(&s->device, states, x->bytes);
            states = x->offset + x->bytes;
        }
    for (uint32_t i = 0; i < s->n_program; i++) {
        const rk_program *p = s->program[i];
        if (p->plan->arena_bytes > arena) arena = p->plan->arena_bytes;
        if (rk_program_staging(p) > staging) staging = rk_program_staging(p);
    }
    s->written = calloc(s->n_buffer + (size_t)1, sizeof *s->written);
    if (!s->written) return RK_FAIL(e, RK_E_NOMEM, "no memory for the states of a session");
    RK_TRY(check_total(s, states, arena, e));
    RK_TRY(rk_area_new(&s->device, states, &s->states, e));
    RK_TRY(rk_area_new(&s->device, arena, &s->arena, e));
    s->staging = staging ? malloc(staging) : NULL;
    s->staging_bytes = staging;
    if (staging && !s->staging) return RK_FAIL(e, RK_E_NOMEM, "no memory for copies");
    return RK_OK;
}

rk_status rk_session_commit(rk_session *s, rk_error *e)
{
    if (s->committed) return RK_FAIL(e, RK_E_INVALID, "a session is committed once");
    s->committed = true; /* also if it fails: there is no second try */
    RK_TRY(allocate(s, e));
    RK_TRY(write_zeros(s, e));
    for (uint32_t i = 0; i < s->n_program; i++) {
        RK_TRY(rk_program_bind(s->program[i], e));
        RK_TRY(rk_program_run_once(s->program[i], e));
    }
    RK_TRY(write_key(s, e));
    rk_session_note_ready(s);
    return RK_OK;
}

/* ---- reading and writing ---- */

uint32_t rk_session_buffers(const rk_session *s, const rk_buffer_info **out)
{
    *out = s->buffer;
    return s->n_buffer;
}

const rk_buffer_info *rk_session_buffer(const rk_session *s, const char *name)
{
    uint32_t at;
    return rk_session_find(s, name, &at) ? &s->buffer[at] : NULL;
}

static rk_status place(const rk_session *s, const char *name, uint64_t bytes, rk_arg *out,
                       rk_error *e)
{
    uint32_t at;
    if (!s->states.piece) return RK_FAIL(e, RK_E_INVALID, "'%s': commit the session first", name);
    if (!rk_session_find(s, name, &at))
        return RK_FAIL(e, RK_E_INVALID, "the session has no state or input '%s'", name);
    if (s->buffer[at].bytes != bytes)
        return RK_FAIL(e, RK_E_INVALID, "'%s' has %llu bytes, not %llu", name,
                       (unsigned long long)s->buffer[at].bytes, (unsigned long long)bytes);
    *out = rk_area_at(&s->states, s->offset[at]);
    return RK_OK;
}

rk_status rk_session_write(rk_session *s, const char *name, const void *src, uint64_t bytes,
                           rk_error *e)
{
    rk_arg to;
    uint32_t at;
    RK_TRY(place(s, name, bytes, &to, e));
    if (rk_session_find(s, name, &at)) s->written[at]++;
    return bytes ? rk_open_write(&s->device, to.mem, to.offset, src, bytes, e) : RK_OK;
}

rk_status rk_session_read(rk_session *s, const char *name, void *dst, uint64_t bytes, rk_error *e)
{
    rk_arg from;
    RK_TRY(place(s, name, bytes, &from, e));
    return bytes ? rk_open_read(&s->device, from.mem, from.offset, dst, bytes, e) : RK_OK;
}

rk_status rk_session_init(rk_session *s, rk_error *e)
{
    for (uint32_t i = 0; i < s->n_buffer; i++) {
        const rk_buffer_info *b = &s->buffer[i];
        if (!b->trained || b->dtype != RK_F32 || !b->bytes) continue;
        float *x = malloc(b->bytes);
        if (!x) return RK_FAIL(e, RK_E_NOMEM, "no memory to start '%s'", b->name);
        rk_init_fill(&b->init, s->options.seed, b->name, x, b->bytes / sizeof *x);
        rk_status status = rk_session_write(s, b->name, x, b->bytes, e);
        free(x);
        if (status != RK_OK) return status;
    }
    return write_key(s, e);
}
