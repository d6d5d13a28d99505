/* The list of all cases. */
#include "check/suite.h"
#include <stdio.h>

static const rk_case_group *const groups[] = {&rk_cases_device, &rk_cases_ewise,  &rk_cases_copy,
                                              &rk_cases_reduce, &rk_cases_matmul, &rk_cases_conv,
                                              &rk_cases_window, &rk_cases_take,   &rk_cases_put,
                                              &rk_cases_rng,    &rk_cases_illegal};
enum { GROUPS = sizeof groups / sizeof *groups };

uint32_t rk_check_cases(void)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < GROUPS; g++) n += groups[g]->n;
    return n;
}

const rk_case *rk_suite_case(uint32_t i, const rk_case_group **group)
{
    uint32_t g = 0;
    for (; i >= groups[g]->n; g++) i -= groups[g]->n;
    *group = groups[g];
    return &groups[g]->cases[i];
}

rk_check_case rk_check_case_at(uint32_t i)
{
    const rk_case_group *group;
    const rk_case *c = rk_suite_case(i, &group);
    rk_check_case out = {.kind = group->kind,
                         .doc = c->doc,
                         .needed = c->flags & RK_CASE_NEEDED,
                         .service = c->flags & RK_CASE_SERVICE};
    snprintf(out.name, sizeof out.name, "%s/%s", group->kind, c->name);
    return out;
}
