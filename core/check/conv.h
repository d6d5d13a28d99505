/* conv.h: the references of CONV. */
#ifndef RK_CHECK_CONV_H
#define RK_CHECK_CONV_H
#include "check/cases.h"

/* p[] of a CONV after `which`, by the header's names. */
typedef struct rk_geometry {
    int64_t N, C, H, W, K, R, S, sh, sw, ph, pw, OH, OW;
} rk_geometry;

/* The contract: the member `which` of the family, of shape dim, one word an element. */
void rk_conv_contract(int64_t which, const rk_geometry *g, const int64_t *dim, const float *a,
                      const float *b, uint32_t *out);
/* The oracle: the same of n_out elements, into zeros. */
void rk_conv_oracle(int64_t which, const rk_geometry *g, const float *a, const float *b,
                    rk_near *out, int64_t n_out);
/* The same true values with the magnitudes of RK_BOUND_PLANES instead: out[] from the oracle. */
void rk_conv_widen(int64_t which, const rk_geometry *g, const int64_t *dim, const float *a,
                   const float *b, rk_near *out);
/* rk_refer_conv of revision 0. */
void rk_refer_conv_whole(rk_bed *bed, const rk_sample *c, rk_operands *d);
/* NaN in the channels of g's tensor that are not g's. */
void rk_conv_poison(const rk_sample *c, rk_operands *d);
#endif
