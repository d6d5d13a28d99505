/* EWISE: the program, generated, in a loop over rows. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

/* Neighbouring dimensions become one axis where no input tells them apart. */
static uint32_t merge(const rk_op *op, int64_t *extent)
{
    const rk_tensor *space = &op->out[0];
    uint32_t n = 0;
    int32_t outer = -1; /* the dimension before, not of extent 1 */
    for (uint32_t d = 0; d < space->rank; d++) {
        if (space->dim[d] == 1) continue;
        int joined = outer >= 0;
        for (uint32_t j = 0; joined && j < op->n_in; j++)
            joined = op->in[j].stride[outer] == op->in[j].stride[d] * space->dim[d];
        if (joined)
            extent[n - 1] *= space->dim[d];
        else
            extent[n++] = space->dim[d];
        outer = (int32_t)d;
    }
    if (!n) extent[n++] = 1;
    return n;
}

/* x0 ... of a row: its coordinates along all axes but the last. */
static void rows(ocl_text *t, uint32_t n)
{
    ocl_text_add(t, "#define RK_LAST x%u\n#define RK_ROWS %d\n#define RK_DIMS ", n - 1, n > 1);
    for (uint32_t a = 1; a + 1 < n; a++) ocl_text_add(t, "RK_POS d%u, ", a);
    ocl_text_add(t, "\n#define RK_ROW ");
    if (n > 2) ocl_text_add(t, "RK_POS rest = row; ");
    for (uint32_t a = n - 1; a-- > 1;)
        ocl_text_add(t, "RK_POS x%u = rest %% d%u; rest /= d%u; ", a, a, a);
    if (n > 1) ocl_text_add(t, "RK_POS x0 = %s; ", n > 2 ? "rest" : "row");
    ocl_text_add(t, "\n#define RK_NEXT_ROW ");
    for (uint32_t a = n - 1; a-- > 1;) ocl_text_add(t, "if (++x%u == d%u) { x%u = 0; ", a, a, a);
    if (n > 1) ocl_text_add(t, "++x0; ");
    for (uint32_t a = n - 1; a-- > 1;) ocl_text_add(t, "} ");
    ocl_text_add(t, "\n");
}

/* Elements of a work-item of the gpu variant.  A short op does better with many work-items. */
static uint32_t width_of(const rk_device *d, const ocl_code *c, uint64_t count, uint32_t chosen)
{
    if (d->cpu) return d->width;
    if (d->quad == 1 || !c->small || !ocl_code_aligned(c)) return 1;
    if (chosen) return chosen;
    return count < (uint64_t)d->units * OCL_GROUP * d->quad ? 1 : d->quad;
}

/* Whether the cpu variant's vectors had better cross the ends of rows than end there. */
static int is_flat(const rk_device *d, const ocl_code *c)
{
    int64_t length = c->extent[c->vec], width = c->width;
    return d->cpu && c->n_axes > 1 && length > width && length % width != 0 &&
           ocl_code_flat(c, 0, c->n_code);
}

static rk_status build(rk_kernel *k, const ocl_code *c, uint64_t count, rk_error *e)
{
    rk_device *d = k->device;
    uint64_t length = (uint64_t)c->extent[c->n_axes - 1];
    ocl_text source;
    ocl_source_wide(d, &source, c->width);
    ocl_text_add(&source, "#define RK_POS %s\n#define RK_TAIL %d\n", c->small ? "uint" : "ulong",
                 count % c->width != 0);
    rows(&source, c->n_axes);
    ocl_text_add(&source, "#define RK_FLAT %d\n", c->flat);
    if (c->flat) ocl_code_values(c, &source, "RK_VALUES");
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_ewise);
    ocl_step *s;
    OCL_TRY(ocl_step_add(k, &source, "ewise", &s, e));
    OCL_TRY(ocl_code_args(c, s, 0, c->n_code, e));
    for (uint32_t a = 1; a + 1 < c->n_axes; a++)
        OCL_TRY(ocl_step_count(s, c->small, (uint64_t)c->extent[a], e));
    OCL_TRY(ocl_step_count(s, c->small, length, e));
    if (d->cpu && !c->flat) return ocl_divide(s, d, count / length, length, ocl_grain(k, 4096), e);
    OCL_TRY(ocl_step_count(s, c->small, count, e));
    if (c->flat) return ocl_divide(s, d, 1, count, ocl_grain(k, 4096), e);
    ocl_step_range(s, (count + c->width - 1) / c->width, 1, OCL_GROUP);
    return RK_OK;
}

rk_status ocl_ewise(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    ocl_code c;
    int64_t extent[OCL_MAX_AXES];
    uint64_t count = ocl_count(&op->out[0]);
    OCL_TRY(ocl_code_init(&c, k->device, op, 0, 0, e));
    info->alias_ok = ocl_code_alias(&c);
    if (count) {
        uint32_t n = merge(op, extent);
        OCL_TRY(ocl_code_axes(&c, extent, n, n - 1, e));
        c.width = width_of(k->device, &c, count, k->choice.part);
        c.flat = is_flat(k->device, &c);
    }
    snprintf(info->impl, sizeof info->impl, "ewise %s x%u", k->device->cpu ? "cpu" : "gpu",
             c.width);
    return count ? build(k, &c, count, e) : RK_OK;
}
