/* rethink/backend.h: the whole contract between the core and a backend.
 *
 * A backend is one shared object that exports rk_backend_magic and rk_backend_entry, needs no other
 * header than this one and numerics.h, and uses no symbol of the core.
 *
 * Evolution.  Within a major version fields are only appended and numbers are never reused.  Every
 * growing table starts with the size its writer was compiled with.  A reader touches a field only
 * under RK_HAS; an absent field reads as zero; a longer table is accepted iff the part that the
 * reader does not know is zero.  rk_tensor, rk_ins and rk_arg are frozen: arrays of them are
 * indexed.
 *
 * Threads.  entry and enumerate are called under one lock.  An rk_device is used by one thread at a
 * time; two devices may be used by two threads at once.
 *
 * Order.  Work on one device happens in the order it was given.  launch and write may return early
 * (write has copied its source by then); read, wait and sync return when the work is done.  An
 * asynchronous failure is reported by the next call and by every call after it.
 *
 * Errors.  A function that does not return RK_OK has filled *error (if it is not NULL) with a text
 * that says what failed and what to do about it.  A backend never aborts, exits or asserts.
 *
 * Numerics.  An exact kernel gives, for every element, the bits that this header and numerics.h
 * define; every NaN counts as one value.  Work-group size, thread count, tiles and fusion are free.
 */
#ifndef RETHINK_BACKEND_H
#define RETHINK_BACKEND_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RK_ABI_MAJOR 1u
#define RK_ABI_MINOR 3u
#define RK_HAS(type, p, f) ((p)->size >= offsetof(type, f) + sizeof((p)->f))

typedef int32_t rk_status;
enum {
    RK_OK = 0,
    RK_E_UNSUPPORTED = 1, /* the backend cannot do this; text gives the reason */
    RK_E_NOMEM = 2,       /* host or device memory; text gives bytes wanted and available */
    RK_E_INVALID = 3,     /* an argument breaks this contract, or a user's value is wrong */
    RK_E_DEVICE = 4,      /* the device is lost: only close may follow */
    RK_E_ABI = 5,         /* versions or sizes that do not go together */
    RK_E_INTERNAL = 6,    /* a defect of the callee */
    RK_E_IO = 7,          /* core only: a file */
    RK_E_STOPPED = 8      /* core only: the user asked to stop */
};

/* Filled by the callee on any status but RK_OK.  Owned by the caller; nothing to free. */
typedef struct rk_error {
    uint32_t size;
    rk_status code;
    int32_t native; /* the driver's own number, 0 if none */
    uint32_t line;
    char where[48];
    char text[448];
} rk_error;

enum { RK_F32 = 1, RK_U32 = 3, RK_U8 = 4 }; /* 2 is reserved for RK_I32 */

/* Row-major.  Strides count elements.  Dense, except that an input of a program (see rk_op) may
 * have stride 0 along any dimension: it is broadcast there.  rank 0 is one element. */
typedef struct rk_tensor {
    uint32_t dtype, rank;
    int64_t dim[6], stride[6];
} rk_tensor;

/* One instruction of a program: op applied to operands a, b, c, which are
 *   RK_R_IN + j     the program's input j
 *   RK_R_INS + k    the result of instruction k, k smaller than this one's number
 *   RK_R_IMM + j    the word imm[j]
 *   RK_R_INDEX      the linear row-major index of the element in the index space, modulo 2^32
 *   RK_R_FOLD + j   REDUCE only, after the last RK_I_FOLD: the result of reduction j
 * An operand that the op does not use is 0.  Registers are 32-bit words without a type; U8 inputs
 * are zero-extended, U8 outputs take the low byte.  rk_op_NAME in numerics.h defines each op. */
typedef struct rk_ins {
    uint16_t op, a, b, c;
} rk_ins;

enum {
    RK_R_IN = 0x0000,
    RK_R_INS = 0x1000,
    RK_R_IMM = 0x2000,
    RK_R_INDEX = 0x3000,
    RK_R_FOLD = 0x4000,
    RK_R_KIND = 0xF000, /* mask of the operand's kind ... */
    RK_R_NUM = 0x0FFF   /* ... and of its number */
};

enum {
    RK_I_FADD = 1,
    RK_I_FSUB = 2,
    RK_I_FMUL = 3,
    RK_I_FDIV = 4,
    RK_I_FMAX = 5, /* a > b ? a : b */
    RK_I_FLT = 6,  /* a < b, as 1 or 0; likewise FEQ, ILT, IEQ */
    RK_I_FEQ = 7,
    RK_I_FNEG = 8,
    RK_I_FRECIP = 9, /* 1 / a */
    RK_I_FSQRT = 10,
    RK_I_FEXP = 11,
    RK_I_FLOG = 12,
    RK_I_FSIN = 13,
    RK_I_FCOS = 14,
    RK_I_IADD = 32, /* words, modulo 2^32 */
    RK_I_ISUB = 33,
    RK_I_IMUL = 34,
    RK_I_IMULHI = 35, /* the high word of the 64-bit product */
    RK_I_ILT = 36,    /* unsigned */
    RK_I_IEQ = 37,
    RK_I_IAND = 38,
    RK_I_ISHR = 39,   /* a >> (b & 31), logical */
    RK_I_IMAX = 40,   /* unsigned */
    RK_I_U2F = 64,    /* to nearest even */
    RK_I_F2U = 65,    /* toward zero; NaN and negative give 0, 2^32 and above give 2^32 - 1 */
    RK_I_SELECT = 66, /* a != 0 ? b : c */
    RK_I_STORE = 96,  /* output b gets a; every output exactly once; no result */
    RK_I_FOLD = 97    /* REDUCE only: a goes into reduction b; every reduction once; no result */
};

enum {
    RK_EWISE = 1,
    RK_COPY = 2,
    RK_REDUCE = 3,
    RK_MATMUL = 4,
    RK_CONV = 5,
    RK_WINDOW = 6,
    RK_TAKE = 7,
    RK_PUT = 8,
    RK_RNG = 9
};
enum { RK_REDUCE_SUM = 0, RK_REDUCE_MAX = 1, RK_REDUCE_ARGMAX = 2 };
enum { RK_CONV_Y = 0, RK_CONV_DX = 1, RK_CONV_DW = 2, RK_CONV_PART = 1 /* a rev */ };
enum {
    RK_WINDOW_SUM = 0,
    RK_WINDOW_SUM_T = 1,
    RK_WINDOW_ARGMAX = 2,
    RK_WINDOW_TAKE = 3,
    RK_WINDOW_PUT = 4
};

/* One operation: in[], out[] and p[] say everything, nothing is inferred.  All memory is dense but
 * for program inputs.  Outputs do not overlap inputs unless rk_kinfo.alias_ok allows it.  Every
 * extent may be 0.
 *
 * Programs.  If n_code > 0, the program code[] runs over an index space:
 *
 *   EWISE   Needs a program.  The index space is out[0]'s dims; program input j is in[j].
 *
 *   MATMUL, CONV, WINDOW sum and sum_t
 *           May have one, an epilogue.  The index space is that of the result.  Program input
 *           0 is the result itself (it has no memory); program input j >= 1 is the j-th input
 *           after the operands.  Without a program out[0] gets the result.
 *
 *   REDUCE  May have one; program input j is in[j].  Instructions up to the last FOLD run over
 *           [outer, reduced, inner].  Those after it run over [outer, 1, inner]: there inputs are
 *           taken at reduced index 0, INDEX is o * inner + i, and results of instructions before
 *           the last FOLD may not be used.  If nothing follows the last FOLD, out[j] gets
 *           reduction j.  Without a program in[0] is reduced into out[0].
 *
 * An input of a program has the rank of the index space, and along each dimension the index
 * space's extent and the dense stride, or stride 0.  All outputs of a program have the shape
 * of its index space (REDUCE: [outer, 1, inner]).
 *
 * Kinds, with p[] in order:
 *
 *   COPY    {rank, then for each dimension d at p[1 + 3 d]: extent, in stride, out stride;
 *           at p[19] the in offset, at p[20] the out offset}, all in elements.
 *           Copies a box of in[0] into out[0].  In strides may be zero or negative.  Elements of
 *           out[0] outside the box keep their value.  rank <= 6.
 *
 *   REDUCE  {which, outer, reduced, inner}
 *           SUM: in the order of RK_SUM_LANES and RK_SUM_BLOCK, see numerics.h.
 *           MAX: NaN is skipped, an empty or all-NaN set gives -inf, a zero gives +0.
 *           ARGMAX: U32, the smallest index whose value is the maximum, 0 if there is none.
 *
 *   MATMUL  {batch, m, n, k, transpose a, transpose b, batch stride a, batch stride b}
 *           out[b][i][j]: one chain acc = fma(a, b, acc), the index over k ascending, from +0, cut
 *           into blocks of RK_MATMUL_BLOCK; block sums are added in ascending order.  a is [m][k],
 *           [k][m] if transposed; b is [k][n], [n][k] if transposed; k = 0 gives +0.
 *
 *   CONV    {which, N, C, H, W, K, R, S, stride h, w, pad h, w, OH, OW}
 *           x[N][C][H][W], w[K][C][R][S], y and g [N][K][OH][OW]; h = oh * stride + r - pad.
 *           Y(x, w): a chain over (c, r, s); a tap outside x reads +0 and takes part.
 *           DX(g, w): a chain over (k, r, s); a tap for which no whole oh, ow exists takes no part;
 *           one whose oh or ow is outside g reads +0 and takes part.
 *           DW(x, g): a chain over (n, oh, ow); outside x reads +0 and takes part.
 *           Chains are cut into blocks of RK_CONV_BLOCK taps (Y, DX: counting every tap of the
 *           full set) or RK_CONV_DW_BLOCK (DW); block sums are added in ascending order.
 *           rev RK_CONV_PART (minor version 2), p[] {..., OW, J, j}: y or g is K channels from j on
 *           of its operand [N][J][OH][OW]; others are not read and keep their value; Y: no program.
 *
 *   WINDOW  {which, N, H, W, kh, kw, stride h, w, pad h, w, OH, OW}, planes [H][W] and [OH][OW]
 *           SUM y(x): adds over (r, s) ascending from +0, taps outside skipped.
 *           SUM_T x(g): the adjoint; adds over (oh, ow) ascending from +0.
 *           ARGMAX i(x): U32, h * W + w of the window's maximum; NaN is skipped, ties go to the
 *           smallest; 2^32 - 1 if there is none.
 *           TAKE y(x, i): the element of x's plane at i, +0 if i is outside it.
 *           PUT x(g, i): the adjoint of TAKE in x; adds over (oh, ow) ascending from +0.
 *
 *   TAKE    {rows, row length, n}: out[j] = in0[in1[j]] for j < n, zero where in1[j] >= rows.
 *           in0 and out have any one dtype, in1 is U32.
 *
 *   PUT     {rows, row length, n}: out[in1[j]] += in0[j], j ascending, from +0; rows out of range
 *           are left out.  in0 and out are F32, in1 is U32.
 *
 *   RNG     {stream}: word i of out (U32) is word i % 4 of Philox4x32-10 with key (in0[0], in0[1])
 *           and counter (i / 4, 0, in0[2], stream).  in0 is U32[3]: the seed's low and high word,
 *           and the step. */
typedef struct rk_op {
    uint32_t size, kind, rev, flags; /* rev 0, or CONV's; unknown kind, op, ...: UNSUPPORTED */
    uint32_t n_in, n_out;
    const rk_tensor *in, *out;
    int64_t p[24];
    const rk_ins *code;
    const uint32_t *imm;
    uint32_t n_code, n_imm;
} rk_op;
enum { RK_OP_FAST = 1 }; /* rk_op.flags: a kernel of the fast tier will do */

enum { RK_TIER_EXACT = 2, RK_TIER_FAST = 1 };
enum { RK_BOUND_TERMS = 0, RK_BOUND_PLANES = 1 };

/* What prepare says of the kernel it returns.
 *   tier       RK_TIER_*; an op without RK_OP_FAST must get RK_TIER_EXACT.
 *   workspace  bytes of scratch that the core passes as one more argument, last; 0: no argument.
 *   alias_ok   bit j: out[0] may be the very memory of in[j].  With a program, any one output may
 *              be the memory of any one such input, if the program reads that input only at the
 *              element's own index (REDUCE: with stride 0 along the reduced axis) and does not
 *              STORE it as it is, and all its STOREs come last.
 *   ulp        bound on |got - true| / (eps * magnitude) of each element, 0 if not claimed.
 *   impl       names the implementation in results, e.g. "tile 6x32 avx512"; no ';'.
 *   bound      Which magnitude; since minor version 1.
 *              RK_BOUND_TERMS   sum |terms| of the element.
 *              RK_BOUND_PLANES  CONV of the fast tier only: the same sum with the largest |number|
 *                   of a factor's plane, or 2^-100 if that is more (smaller ones may lose parts),
 *                   not each factor; x, w, g are these of planes [H][W], [R][S], [OH][OW].
 *                   Y: R S sum over c of x[n][c] w[k][c]; DX: R S sum over k of g[n][k] w[k][c];
 *                   DW: OH OW sum over n of x[n][c] g[n][k].  Transforms, as Winograd's, bring
 *                   into an element what belongs to its neighbours and cancels but for rounding
 *                   errors, so that no bound by the element's own terms is true.  Nothing is
 *                   claimed of an element if one of these numbers, or the sum, is not below
 *                   2^100. */
typedef struct rk_kinfo {
    uint32_t size, tier;
    uint64_t workspace;
    uint32_t alias_ok;
    float ulp;
    char impl[64];
    uint32_t bound, reserved;
} rk_kinfo;

/* What the core offers a backend; it outlives every device.
 *   alloc      All host memory of a backend comes from here, so that it can be counted and made to
 *              fail: n == 0 frees, old == NULL allocates, else resizes.
 *   log        level 0 error, 1 warning, 2 information, 3 detail.
 *   option     The value of a setting, or NULL.  Keys: "threads" (a count), "isa" (cpu: plain,
 *              avx2, avx512), "variant" (opencl: cpu, gpu), "BACKEND.anything" for one's own.
 *   cache_get  A blob stored under a key, perhaps by an earlier process: *n is the capacity of buf;
 *              on a hit (returns 1) *n becomes the entry's size, and buf is filled if it was large
 *              enough.  Entries may vanish at any time, and are checked for damage. */
typedef struct rk_host {
    uint32_t size, abi_major, abi_minor, reserved;
    void *ctx;
    void *(*alloc)(void *ctx, void *old, size_t n);
    void (*log)(void *ctx, int level, const char *text);
    const char *(*option)(void *ctx, const char *key);
    int (*cache_get)(void *ctx, const void *key, size_t key_bytes, void *buf, size_t *n);
    void (*cache_put)(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n);
} rk_host;

enum { RK_DEV_CPU = 1, RK_DEV_GPU = 2, RK_DEV_OTHER = 3 };

typedef struct rk_devinfo {
    uint32_t size, index, type,
        mem_align; /* offsets in rk_arg are multiples of mem_align, a power of two <= 4096 */
    uint64_t mem_total, mem_max_alloc; /* bytes */
    char name[128], vendor[64], driver[128], platform[128];
    char id[64]; /* how a user names it after "BACKEND:", e.g. "0.1"; stable while the machine is
                    unchanged */
} rk_devinfo;

typedef struct rk_device rk_device;
typedef struct rk_mem rk_mem;
typedef struct rk_kernel rk_kernel;

typedef struct rk_arg {
    rk_mem *mem;
    uint64_t offset; /* bytes */
} rk_arg;

/* Work of one sort and nothing else, whose speed is what a device can reach.  The asker sets
 *   what       RK_PROBE_*
 *   variant    one of several ways to do it, from 0, the most promising one first
 *   rounds     how much of it a launch does, from 1; perhaps less, if that is very much
 * and is answered
 *   variants   how many there are
 *   workspace  bytes of the one argument of a launch, of any content; 0: a launch has none
 *   work       floating-point operations (two a fma), or bytes, of a launch
 *   text       how, e.g. "width 8, 12 chains" */
typedef struct rk_probe {
    uint32_t size, what, variant, rounds, variants, reserved;
    uint64_t workspace;
    double work;
    char text[64];
} rk_probe;
enum {
    RK_PROBE_FMA = 1,      /* chains of fma that do not wait for one another, in every unit */
    RK_PROBE_LOCAL = 2,    /* memory near the units: local memory, or a processor's first caches */
    RK_PROBE_UPLOAD = 3,   /* transfers from the host's memory that is best for it (page-locked) */
    RK_PROBE_DOWNLOAD = 4, /* ... and back to it */
    RK_PROBE_READ = 5 /* the device's memory, only read, and much more of it than caches hold */
};

typedef struct rk_backend {
    uint32_t size, abi_major, abi_minor, flags;
    const char *name, *version, *build;
    /* Fills up to cap entries (out[0].size is set by the caller, entries are out[0].size bytes
     * apart) and sets *n to how many devices there are.  None is not an error: *n = 0, and
     * error.text says why. */
    rk_status (*enumerate)(const rk_host *, rk_devinfo *out, uint32_t cap, uint32_t *n, rk_error *);
    rk_status (*open)(const rk_host *, uint32_t index, rk_device **, rk_error *);
    void (*close)(rk_device *); /* frees every kernel and memory that is left */
    /* At least 64-byte aligned; committed: a device that allocates lazily touches it here. */
    rk_status (*mem_alloc)(rk_device *, uint64_t bytes, rk_mem **, rk_error *);
    void (*mem_free)(rk_device *, rk_mem *);
    rk_status (*write)(rk_device *, rk_mem *, uint64_t offset, const void *src, uint64_t bytes,
                       rk_error *);
    rk_status (*read)(rk_device *, rk_mem *, uint64_t offset, void *dst, uint64_t bytes,
                      rk_error *);
    /* The capability query: a kernel that will run, or RK_E_UNSUPPORTED with the reason.  Copies
     * what it needs of the op.  May compile; allocates all that launches need. */
    rk_status (*prepare)(rk_device *, const rk_op *, rk_kernel **, rk_kinfo *, rk_error *);
    /* args: in[] (operands and program inputs), out[], workspace if any; n is their number,
     * checked. Allocates nothing and does not wait for the device.  One kernel may be launched many
     * times. */
    rk_status (*launch)(rk_device *, rk_kernel *, const rk_arg *args, uint32_t n, rk_error *);
    void (*release)(rk_device *, rk_kernel *); /* no launch of it may be unfinished */
    rk_status (*sync)(rk_device *, rk_error *);
    /* Optional from here on: NULL or absent means that the core does without. */
    rk_status (*mark)(rk_device *, uint64_t *ticket,
                      rk_error *); /* a point on the device's timeline ... */
    rk_status (*wait)(rk_device *, uint64_t ticket, rk_error *); /* ... waited for ... */
    rk_status (*elapsed_ns)(rk_device *, uint64_t from, uint64_t to, uint64_t *ns,
                            rk_error *); /* ... or timed */
    /* Since minor version 1.  A kernel of a probe, launched and released as any other, which
     * `rethink bench` times; RK_E_UNSUPPORTED with the reason where there is none. */
    rk_status (*probe)(rk_device *, rk_probe *, rk_kernel **, rk_error *);
    /* Tuning (rethink tune): other ways to compute an op than prepare's, to the same bits; in the
     * fast tier, within the bound of their rk_kinfo.
     *   choices         The name of choice i, at most 63 characters, and in *n how many there are;
     *                   i >= *n names none.  Number 0 is prepare's own choice, then those that
     *                   promise most.  *n is 1 where there is nothing to choose.  Neither compiles
     *                   nor waits.  Names are kept in files for years: one that comes to mean
     *                   something else must become another name.
     *   prepare_choice  prepare, in the way that a name says; RK_E_UNSUPPORTED if this op has no
     *                   choice of this name: the core then takes prepare. */
    rk_status (*choices)(rk_device *, const rk_op *, uint32_t i, char name[64], uint32_t *n,
                         rk_error *);
    rk_status (*prepare_choice)(rk_device *, const rk_op *, const char *choice, rk_kernel **,
                                rk_kinfo *, rk_error *);
    /* Since minor version 3.  From now on (on 1; 0: no longer) elapsed_ns of two of the last 16
     * marks is what the device worked on the launches between, without any waiting.  They may then
     * cost more.  RK_E_UNSUPPORTED if its clock is not good for that. */
    rk_status (*time_kernels)(rk_device *, uint32_t on, rk_error *);
} rk_backend;

/* Read by the loader before any code of the plugin runs. */
typedef struct rk_magic {
    char tag[8];
    uint32_t abi_major, pointer_bits, endian, sanitizer;
    char extra[40];
} rk_magic;

#ifndef __has_feature
#define RK_FEATURE(x) 0
#else
#define RK_FEATURE(x) __has_feature(x)
#endif
#if defined(__SANITIZE_ADDRESS__) || RK_FEATURE(address_sanitizer)
#define RK_SANITIZER 1u
#elif defined(__SANITIZE_THREAD__) || RK_FEATURE(thread_sanitizer)
#define RK_SANITIZER 2u
#else
#define RK_SANITIZER 0u
#endif

#define RK_EXPORT __attribute__((visibility("default")))
#define RK_BACKEND_TAG "rk-bknd"
/* Placed once, at file scope, in a backend. */
#define RK_BACKEND_MAGIC                                                                           \
    RK_EXPORT extern const rk_magic rk_backend_magic;                                              \
    const rk_magic rk_backend_magic = {RK_BACKEND_TAG, RK_ABI_MAJOR, 8 * sizeof(void *),           \
                                       0x01020304u,    RK_SANITIZER, ""}

/* The second symbol, rk_backend_entry: a table that is constant for the life of the process, or
 * NULL if the host's major version is not one this backend speaks. */
typedef const rk_backend *rk_backend_entry_fn(uint32_t host_major, uint32_t host_minor);

#ifdef __cplusplus
}
#endif
#endif
