/* Units before fusion, and who uses what. */
#include "plan/ir.h"

static rk_status link_users(rk_ir *ir, rk_error *e)
{
    uint32_t total = 0;
    ir->first_user = rk_pool_array(ir->pool, ir->n + 2, sizeof *ir->first_user);
    if (!ir->first_user) return RK_FAIL(e, RK_E_NOMEM, "no memory to plan %u nodes", ir->n);
    for (uint32_t v = 1; v < ir->n; v++)
        for (uint32_t i = 0; i < ir->node[v].n_in; i++) {
            ir->first_user[ir->node[v].in[i].node + 2]++;
            total++;
        }
    ir->user = rk_pool_array(ir->pool, total, sizeof *ir->user);
    if (!ir->user) return RK_FAIL(e, RK_E_NOMEM, "no memory to plan %u nodes", ir->n);
    for (uint32_t v = 0; v <= ir->n; v++) ir->first_user[v + 1] += ir->first_user[v];
    for (uint32_t v = 1; v < ir->n; v++)
        for (uint32_t i = 0; i < ir->node[v].n_in; i++)
            ir->user[ir->first_user[ir->node[v].in[i].node + 1]++] = v;
    return RK_OK;
}

rk_status rk_ir_units(rk_ir *ir, rk_error *e)
{
    RK_TRY(link_users(ir, e));
    ir->unit = rk_pool_array(ir->pool, ir->n, sizeof *ir->unit);
    ir->stamp = rk_pool_array(ir->pool, ir->n, 2 * sizeof *ir->stamp);
    ir->stack = rk_pool_array(ir->pool, ir->n, 2 * sizeof *ir->stack);
    if (!ir->unit || !ir->stamp || !ir->stack)
        return RK_FAIL(e, RK_E_NOMEM, "no memory to plan %u nodes", ir->n);
    for (uint32_t v = 1; v < ir->n; v++) {
        rk_xkind kind = ir->node[v].kind;
        if (kind != RK_X_MAP && kind != RK_X_KERNEL) continue;
        ir->node[v].unit = v;
        ir->unit[v] = (rk_unit){v, v, kind == RK_X_KERNEL ? v : 0};
    }
    return RK_OK;
}
