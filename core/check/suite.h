/* suite.h: the list of all cases, for those who run them. */
#ifndef RK_CHECK_SUITE_H
#define RK_CHECK_SUITE_H
#include "check/cases.h"
#include "check/check.h"

/* Case i below rk_check_cases(); cases of a kind lie together. */
const rk_case *rk_suite_case(uint32_t i, const rk_case_group **group);
#endif
