/* rethink/graph.h: building computations.
 *
 * A graph is an append-only list of operations.  A value is the number of one of them; its operands
 * have smaller numbers, so the order of appending is an order of execution.  Operations are pure
 * (identical ones are shared), but for rk_assign.  Nothing is computed here: the core lowers a
 * finished graph to a plan for a device.
 *
 * Errors are sticky.  A builder that is misused returns 0 and remembers the first mistake, with
 * shapes; builders given 0 return 0.  Model code needs no error handling: the core asks
 * rk_graph_check once.
 *
 * Order.  Values are numbered in the order of the calls; plans, and the order in which rk_grad adds
 * contributions, follow it.  C evaluates the arguments of a call in any order: where two arguments
 * of one call build, put one into a statement before, and every compiler makes the same graph.
 *
 * Ownership.  A graph owns its nodes; names are copied.  Threads: a graph is used by one at a time.
 *
 * Broadcasting.  Operands of elementwise operations are broadcast as in NumPy: shapes are aligned
 * at the last dimension, and an extent of 1 stretches. */
#ifndef RETHINK_GRAPH_H
#define RETHINK_GRAPH_H
#include <stdbool.h>
#include <stdint.h>
#include "rethink/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RK_API __attribute__((visibility("default")))
#define RK_MAX_RANK 6

typedef uint32_t rk_value;
typedef struct rk_graph rk_graph;

typedef struct rk_shape {
    uint32_t rank;
    int64_t dim[RK_MAX_RANK];
} rk_shape;

/* RK_SHAPE(128, 10) is the shape [128][10]. */
#define RK_SHAPE(...)                                                                              \
    rk_shape_make((uint32_t)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)),                    \
                  (const int64_t[]){__VA_ARGS__})
RK_API rk_shape rk_shape_make(uint32_t rank, const int64_t *dim);
RK_API int64_t rk_shape_size(rk_shape s); /* number of elements; 1 for rank 0 */

/* ---- the graph ------------------------------------------------------------------------------ */

RK_API rk_graph *rk_graph_new(void); /* NULL if there is no memory */
RK_API void rk_graph_free(rk_graph *);
/* RK_OK, or the first mistake since the graph was made. */
RK_API rk_status rk_graph_check(const rk_graph *, rk_error *);
/* Records a mistake from outside, e.g. from a layer: printf format. */
RK_API rk_value rk_graph_fail(rk_graph *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True while a training step is built: dropout drops, batch norm uses the batch's statistics. */
RK_API bool rk_graph_training(const rk_graph *);
RK_API void rk_graph_set_training(rk_graph *, bool);

/* Names of states and random streams made between push and pop are prefixed by "name/". */
RK_API void rk_scope_push(rk_graph *, const char *name);
RK_API void rk_scope_pop(rk_graph *);

RK_API rk_shape rk_shape_of(const rk_graph *, rk_value);     /* of rank 0 for value 0 */
RK_API uint32_t rk_dtype_of(const rk_graph *, rk_value);     /* RK_F32, RK_U32 or RK_U8; 0 for 0 */
RK_API int64_t rk_dim(const rk_graph *, rk_value, int axis); /* axis < 0 counts from the end */

/* ---- leaves --------------------------------------------------------------------------------- */

/* A buffer that the host fills before the run and that the graph only reads. */
RK_API rk_value rk_input(rk_graph *, uint32_t dtype, rk_shape, const char *name);
/* A buffer that lives across runs; all graphs of a session that name it share it.  First zero. */
RK_API rk_value rk_state(rk_graph *, uint32_t dtype, rk_shape, const char *name);

enum { RK_INIT_ZERO = 0, RK_INIT_CONST = 1, RK_INIT_NORMAL = 2, RK_INIT_UNIFORM = 3 };
/* How a parameter starts.  CONST: a.  NORMAL: mean 0, standard deviation a.  UNIFORM: in [-a, a).
 * Element i comes from word(s) i of the Philox stream of the parameter's name, see numerics.h:
 * UNIFORM (2 u - 1) a with u = rk_uniform(word i); NORMAL a rk_normal(word 2 i, word 2 i + 1). */
typedef struct rk_init {
    uint32_t kind;
    float a;
} rk_init;
/* An F32 state that is trained: rk_graph_params lists it, and the trainer starts it from init. */
RK_API rk_value rk_param(rk_graph *, rk_shape, rk_init, const char *name);
/* An F32 state that belongs to the model but is not trained, as the running averages of
 * rk_batch_norm: digests and saved weights hold it beside the parameters. */
RK_API rk_value rk_statistic(rk_graph *, rk_shape, const char *name);
/* He et al. 2015: normal with variance 2 / fan_in. */
RK_API rk_init rk_init_he(int64_t fan_in);
/* torch.nn.Linear's: uniform in +-1 / sqrt(fan_in), for weights and biases. */
RK_API rk_init rk_init_torch(int64_t fan_in);
/* The trained parameters in the order of their making: returns their number, writes up to cap. */
RK_API uint32_t rk_graph_params(const rk_graph *, rk_value *out, uint32_t cap);
RK_API const char *rk_name_of(const rk_graph *, rk_value); /* of an input or state; else "" */

RK_API rk_value rk_const_f(rk_graph *, float);    /* rank 0 */
RK_API rk_value rk_const_u(rk_graph *, uint32_t); /* rank 0 */
RK_API rk_value rk_iota(rk_graph *, int64_t n);   /* U32 [n]: 0, 1, ... */
/* Random words, U32.  Word i depends on the session's seed, the run's step number, the full name
 * (its stream is the low word of XXH3-64 of it), and i only. */
RK_API rk_value rk_rng(rk_graph *, rk_shape, const char *name);
/* Uniform in [0, 1) and standard normal numbers, F32, from such words: element i is
 * rk_uniform(word i), or rk_normal(word 2 i, word 2 i + 1), bit for bit. */
RK_API rk_value rk_rng_uniform(rk_graph *, rk_shape, const char *name);
RK_API rk_value rk_rng_normal(rk_graph *, rk_shape, const char *name);

/* ---- elementwise ---------------------------------------------------------------------------- */
/* F32 unless said; masks are U8, 0 or 1.  Meaning of each: rk_op_* in numerics.h. */

RK_API rk_value rk_neg(rk_graph *, rk_value);
RK_API rk_value rk_exp(rk_graph *, rk_value);
RK_API rk_value rk_log(rk_graph *, rk_value);
RK_API rk_value rk_sqrt(rk_graph *, rk_value);
RK_API rk_value rk_recip(rk_graph *, rk_value);
RK_API rk_value rk_sin(rk_graph *, rk_value);
RK_API rk_value rk_cos(rk_graph *, rk_value);
RK_API rk_value rk_cast(rk_graph *, rk_value, uint32_t dtype);
RK_API rk_value rk_stop(rk_graph *, rk_value); /* the value, with derivative 0 */
RK_API rk_value rk_not(rk_graph *, rk_value);  /* of a mask */
/* F32 or U32 (modulo 2^32), both operands alike. */
RK_API rk_value rk_add(rk_graph *, rk_value, rk_value);
RK_API rk_value rk_sub(rk_graph *, rk_value, rk_value);
RK_API rk_value rk_mul(rk_graph *, rk_value, rk_value);
/* a > b ? a : b; the derivative goes to the larger operand, to a where they are equal. */
RK_API rk_value rk_max(rk_graph *, rk_value, rk_value);
RK_API rk_value rk_div(rk_graph *, rk_value, rk_value);   /* F32 */
RK_API rk_value rk_lt(rk_graph *, rk_value, rk_value);    /* mask; F32 or U32 */
RK_API rk_value rk_eq(rk_graph *, rk_value, rk_value);    /* mask; F32, U32 or U8 */
RK_API rk_value rk_mulhi(rk_graph *, rk_value, rk_value); /* U32: the high word of the product */
RK_API rk_value rk_and(rk_graph *, rk_value, rk_value);   /* U32 or masks */
RK_API rk_value rk_shr(rk_graph *, rk_value, rk_value);   /* U32: a >> (b & 31) */
RK_API rk_value rk_where(rk_graph *, rk_value mask, rk_value, rk_value);

/* ---- shape ---------------------------------------------------------------------------------- */

RK_API rk_value rk_reshape(rk_graph *, rk_value, rk_shape);
RK_API rk_value rk_permute(rk_graph *, rk_value, const uint32_t *axes); /* out dim i is axes[i] */
RK_API rk_value rk_expand(rk_graph *, rk_value, rk_shape);              /* broadcast to a shape */
RK_API rk_value rk_slice(rk_graph *, rk_value, const int64_t *start, rk_shape);
RK_API rk_value rk_pad(rk_graph *, rk_value, const int64_t *before, rk_shape); /* with zeros */
RK_API rk_value rk_concat(rk_graph *, const rk_value *, uint32_t n, uint32_t axis);

/* ---- reductions, contractions, windows, indices ---------------------------------------------- */

/* Over axes [first, first + count), which stay with extent 1; F32.  The derivative of a maximum is
 * shared equally by the elements that reach it. */
RK_API rk_value rk_reduce_sum(rk_graph *, rk_value, uint32_t first, uint32_t count);
RK_API rk_value rk_reduce_max(rk_graph *, rk_value, uint32_t first, uint32_t count);
RK_API rk_value rk_argmax(rk_graph *, rk_value, uint32_t first, uint32_t count); /* U32 */

/* [m][k] x [k][n] -> [m][n], with an optional leading batch dimension on both or on either operand
 * (one without it is shared); transpose_a takes a as [k][m], transpose_b takes b as [n][k]. */
RK_API rk_value rk_matmul(rk_graph *, rk_value a, rk_value b, bool transpose_a, bool transpose_b);

typedef struct rk_window {
    int64_t kh, kw, stride_h, stride_w, pad_h,
        pad_w; /* pad: above and left; right follows from out */
    int64_t out_h, out_w;
} rk_window;
/* Square windows of side k over the last two dimensions of x.  SAME is TensorFlow's: out is in /
 * stride, rounded up, and of the max((out - 1) stride + k - in, 0) lines and columns of padding
 * half go above and left, an odd one below and right.  padded is PyTorch's: pad on every side, out
 * is (in + 2 pad - k) / stride + 1, rounded down; pad 0 is TensorFlow's VALID. */
RK_API rk_window rk_window_same(const rk_graph *, rk_value x, int64_t k, int64_t stride);
RK_API rk_window rk_window_padded(const rk_graph *, rk_value x, int64_t k, int64_t stride,
                                  int64_t pad);
/* x[N][C][H][W], w[K][C][R][S] -> [N][K][out_h][out_w]; win.kh, kw are R, S. */
RK_API rk_value rk_conv(rk_graph *, rk_value x, rk_value w, rk_window);
/* The first rk_conv whose filters are w, as a model's parameter: its window and the shape of its x;
 * false if there is none. */
RK_API bool rk_conv_of(const rk_graph *, rk_value w, rk_window *, rk_shape *x);
RK_API rk_value rk_conv_dx(rk_graph *, rk_value g, rk_value w, rk_window, rk_shape x);
RK_API rk_value rk_conv_dw(rk_graph *, rk_value x, rk_value g, rk_window, rk_shape w);
/* On the last two dimensions. */
RK_API rk_value rk_wsum(rk_graph *, rk_value x, rk_window);
RK_API rk_value rk_wsum_t(rk_graph *, rk_value g, rk_window, rk_shape x);
RK_API rk_value rk_wargmax(rk_graph *, rk_value x, rk_window); /* U32 */
RK_API rk_value rk_wtake(rk_graph *, rk_value x, rk_value index, rk_window);
RK_API rk_value rk_wput(rk_graph *, rk_value g, rk_value index, rk_window, rk_shape x);
/* Rows of data[rows][...] at index[n] (U32) -> [n][...]; zero where the index is out of range. */
RK_API rk_value rk_take(rk_graph *, rk_value data, rk_value index);
/* The adjoint: data[n][...] added into zeros [rows][...] at index[n]. */
RK_API rk_value rk_put(rk_graph *, rk_value data, rk_value index, int64_t rows);

/* ---- effects and derivatives ----------------------------------------------------------------- */

/* After a run, the state holds the value (same dtype and shape).  Every read in the graph sees the
 * state as it was before the run.  A state is assigned at most once. */
RK_API void rk_assign(rk_graph *, rk_value state, rk_value);

/* out[i] = d loss / d wrt[i] for a scalar F32 loss; a zero tensor where loss does not depend on it.
 * Every derivative is made of operations of this header, so it may be differentiated again. */
RK_API void rk_grad(rk_graph *, rk_value loss, const rk_value *wrt, uint32_t n, rk_value *out);

/* The value as it would be with to[i] in place of from[i], of the same type and shape: what is
 * computed from these is computed once more, with the same random words.  Nothing is assigned
 * again: the running averages of a batch norm have seen one batch. */
RK_API rk_value rk_substitute(rk_graph *, rk_value, const rk_value *from, const rk_value *to,
                              uint32_t n);

/* ---- layers: functions over the operations above --------------------------------------------- */

RK_API rk_value rk_flatten(rk_graph *, rk_value x); /* [N][...] -> [N][product] */
/* 0 > x ? 0 : x, so that NaN stays NaN; the derivative at 0 is 0, as is usual. */
RK_API rk_value rk_relu(rk_graph *, rk_value x);
/* The sum over the axes times the float 1.0f / (float)n, n the number of elements of one sum. */
RK_API rk_value rk_mean(rk_graph *, rk_value x, uint32_t first, uint32_t count);
/* x[N][in] -> x w^T + b, parameters "name/weight" [units][in] and "name/bias" [units]; weights
 * start from weight, biases from bias. */
RK_API rk_value rk_dense(rk_graph *, rk_value x, int64_t units, rk_init weight, rk_init bias,
                         const char *name);
/* x[N][C][H][W] -> rk_conv, and a bias unless it is NULL; parameters "name/weight"
 * [filters][C][kh][kw] and "name/bias" [filters]. */
RK_API rk_value rk_conv_layer(rk_graph *, rk_value x, int64_t filters, rk_window, rk_init weight,
                              const rk_init *bias, const char *name);
/* The maximum, or the mean, of each window of the last two dimensions.  Elements outside of x take
 * no part: padding is as of -infinity, and a mean divides by the elements inside.  The maximum
 * skips NaN, and its derivative goes to the first element that reaches it; a window without a
 * number gives 0. */
RK_API rk_value rk_max_pool(rk_graph *, rk_value x, rk_window);
RK_API rk_value rk_average_pool(rk_graph *, rk_value x, rk_window);
RK_API rk_value rk_global_mean(rk_graph *, rk_value x); /* [N][C][H][W] -> [N][C] */

typedef struct rk_norm {
    bool scale, shift; /* parameters "name/scale" [C], first 1, and "name/shift" [C], first 0 */
    float eps;         /* more than 0 */
    float momentum;    /* what a step keeps of the running averages: at least 0, less than 1 */
} rk_norm;
/* Batch normalization (Ioffe and Szegedy 2015) of x[N][C][...] over all dimensions but C:
 * (x - mean) / sqrt(variance + eps) scale + shift.  Variances divide by the number of elements,
 * running ones too.
 *
 * While training, mean and variance are the batch's.  They come from one pass: of each plane (n, c)
 * sums of x - k and (x - k)^2, k the plane's middle element; planes are combined as by Chan, Golub
 * and LeVeque 1979.  As k is an element, cancellation costs a factor of at most the number of
 * elements in a plane, and about 2 where they look alike, however far the mean is from 0.
 *
 * Else they are running averages: statistics "name/mean" and "name/variance" [C], to which every
 * training step gives momentum old + (1 - momentum) new, and "name/seen" [1], which moves likewise
 * to 1: divided by it, averages are right from the first step on.  Before that the mean is 0 and
 * the variance 1. */
RK_API rk_value rk_batch_norm(rk_graph *, rk_value x, rk_norm, const char *name);
/* Local response normalization (Krizhevsky et al. 2012, as TensorFlow counts): x[N][C][...] times
 * (bias + alpha S)^-beta, S the sum of squares of the channels at most radius away.  The power is
 * exp(-beta log(...)): within 3 + 2 |beta log(...)| ULP. */
RK_API rk_value rk_lrn(rk_graph *, rk_value x, int64_t radius, float bias, float alpha, float beta);
/* Keeps the elements whose rk_rng_uniform(name) is less than keep, times the float 1.0f / keep; the
 * others become 0.  The identity unless training. */
RK_API rk_value rk_dropout(rk_graph *, rk_value x, float keep, const char *name);
RK_API rk_value rk_log_softmax(rk_graph *, rk_value logits); /* over the last dimension */
/* Cross-entropy of each row, log(sum_k exp(x[k] - m)) - (x[label] - m) with m the row's maximum:
 * logits[N][K], labels U32 [N] -> [N].  A label that is no class counts as one with logit m. */
RK_API rk_value rk_cross_entropy(rk_graph *, rk_value logits, rk_value labels);

#ifdef __cplusplus
}
#endif
#endif
