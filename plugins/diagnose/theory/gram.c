/* Tiles of a Gram matrix, see gram.h. */
#include "gram.h"
#include "solve.h"
#include <stdlib.h>
#include <string.h>

static rk_value rows(const rk_lab *l, rk_graph *g, const gram *m, bool test, const char *name)
{
    int64_t tile = m->tile;
    if (m->rows) return rk_input(g, RK_F32, RK_SHAPE(tile, m->rows->width), name);
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(tile), name);
    return rk_flatten(g, rk_lab_batch(l, g, test, index, NULL));
}

static rk_status add(const rk_lab *l, gram *m, bool test, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value a = rows(l, g, m, test, "rows");
    rk_value b = rows(l, g, m, false, "columns");
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(m->tile, m->tile), "products");
    rk_assign(g, out, rk_matmul(g, a, b, false, true));
    return rk_job_add(m->job, g, test ? "gram of test" : "gram", &m->program[test], e);
}

/* Large ones for large sets, but no more than 256 MiB of long vectors. */
static int64_t tile_of(int64_t n, const gram_rows *rows)
{
    int64_t tile = n < 512 ? n : n < 8192 ? 512 : 2048;
    while (rows && tile > 1 && tile * rows->width > 1 << 26) tile /= 2;
    return tile;
}

rk_status gram_open(rk_lab *l, int64_t n, bool test, const gram_rows *rows, gram *out, rk_error *e)
{
    *out = (gram){.tile = tile_of(n, rows), .rows = rows};
    int64_t room = rows ? out->tile * rows->width : 0;
    out->block = lab_array(out->tile * out->tile, sizeof *out->block, "a tile", e);
    out->room = lab_array(room, sizeof *out->room, "a tile", e);
    rk_status status = out->block && out->room ? rk_job_new(l, &out->job, e) : RK_E_NOMEM;
    if (status == RK_OK) status = add(l, out, false, e);
    if (status == RK_OK && test && !rows) status = add(l, out, true, e);
    if (status == RK_OK) status = rk_job_commit(out->job, e);
    if (status != RK_OK) gram_close(out);
    return status;
}

void gram_close(gram *g)
{
    rk_job_free(g->job);
    free(g->block);
    free(g->room);
    *g = (gram){0};
}

static rk_status write_index(gram *g, const char *name, int64_t first, rk_error *e)
{
    uint32_t *index = lab_array(g->tile, sizeof *index, "an index", e);
    if (!index) return RK_E_NOMEM;
    for (int64_t i = 0; i < g->tile; i++) index[i] = (uint32_t)(first + i);
    rk_status status = rk_job_write(g->job, name, index, (uint64_t)g->tile * sizeof *index, e);
    free(index);
    return status;
}

static rk_status write_rows(gram *g, const char *name, bool test, int64_t first, rk_error *e)
{
    int64_t have = g->rows->n[test] - first, width = g->rows->width;
    if (have > g->tile) have = g->tile;
    memset(g->room, 0, (size_t)(g->tile * width) * sizeof *g->room);
    memcpy(g->room, g->rows->row[test] + first * width, (size_t)(have * width) * sizeof *g->room);
    return rk_job_write(g->job, name, g->room, (uint64_t)(g->tile * width) * sizeof *g->room, e);
}

rk_status gram_tile(gram *g, bool test, int64_t row, int64_t column, rk_error *e)
{
    if (g->rows) {
        TRY(write_rows(g, "rows", test, row, e));
        TRY(write_rows(g, "columns", false, column, e));
    } else {
        TRY(write_index(g, "rows", row, e));
        TRY(write_index(g, "columns", column, e));
    }
    TRY(rk_job_run(g->job, g->program[test && !g->rows], e));
    return rk_job_read(g->job, "products", g->block,
                       (uint64_t)(g->tile * g->tile) * sizeof *g->block, e);
}

static void keep(const gram *g, int64_t row, int64_t column, int64_t n, double *k)
{
    for (int64_t r = 0; r < g->tile && row + r < n; r++)
        for (int64_t c = 0; c < g->tile && column + c <= row + r; c++)
            k[packed_at(n, row + r, column + c)] = (double)g->block[r * g->tile + c];
}

rk_status gram_fill(rk_lab *l, gram *g, int64_t n, double *k, double share, rk_error *e)
{
    for (int64_t row = 0; row < n; row += g->tile) {
        for (int64_t column = 0; column <= row; column += g->tile) {
            TRY(gram_tile(g, false, row, column, e));
            keep(g, row, column, n, k);
        }
        double done = (double)(row + g->tile < n ? row + g->tile : n) / (double)n;
        TRY(rk_lab_progress(l, share * done * done, e));
    }
    return RK_OK;
}
