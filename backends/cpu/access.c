/* How programs read their inputs. */
#include "program.h"

cpu_access cpu_access_raw(void) { return (cpu_access){.dtype = RK_F32, .arg = CPU_NO_ARG}; }

cpu_access cpu_access_of(const rk_tensor *t, uint32_t arg, int at_zero)
{
    cpu_access a = {.how = CPU_READ_RUNS, .dtype = t->dtype, .arg = arg};
    for (uint32_t d = 0; d < t->rank; d++) {
        uint32_t last = a.rank - 1;
        if (t->dim[d] == 1 || (int)d == at_zero) continue;
        if (a.rank && a.stride[last] == t->stride[d] * t->dim[d]) {
            a.dim[last] *= t->dim[d];
            a.stride[last] = t->stride[d];
        } else {
            a.dim[a.rank] = t->dim[d];
            a.stride[a.rank++] = t->stride[d];
        }
    }
    if (a.rank == 1 && a.stride[0] == 0) a.how = CPU_READ_ONE;
    if (a.rank == 0 || (a.rank == 1 && a.stride[0] == 1)) a.how = CPU_READ_DENSE;
    return a;
}

int64_t cpu_common_row(const cpu_source *s, int *in_tables)
{
    int64_t row = 0, least = CPU_LEAST_ROW;
    *in_tables = 1;
    for (uint32_t j = 0; j < s->n_in; j++) {
        const cpu_access *a = &s->in[j];
        if (a->how != CPU_READ_RUNS) continue;
        int64_t length = a->dim[a->rank - 1], stride = a->stride[a->rank - 1];
        if ((row && length != row) || stride < 0 || stride > 1) return 0;
        if (stride) least = CPU_BLOCK / 2 + 1;
        *in_tables &= stride == 0 && length <= CPU_BLOCK / 2;
        row = length;
    }
    return row >= least && (s->row == 0 || s->row == row) ? row : 0;
}
