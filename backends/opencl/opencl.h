/* The OpenCL backend's own interface: what its files share.
 *
 *   text.c      growing text, for generated source and cache keys
 *   error.c     error records, names of OpenCL's error numbers, sticky failures
 *   platform.c  the list of devices
 *   device.c    open, close, what is probed and chosen at open
 *   probe.c     whether the device rounds as the contract asks
 *   peak.c      rk_backend.probe: work of one sort and nothing else
 *   memory.c    mem_alloc, mem_free, write, read
 *   program.c   source to cl_program, through the cache
 *   kernel.c    rk_kernel: its steps, their arguments, launch, release
 *   queue.c     sync, mark, wait, elapsed_ns
 *   timing.c    time_kernels
 *   check.c     whether an op keeps the contract
 *   choice.c    what a tuner may choose; see choice.h
 *   code.c      programs of an op to OpenCL C
 *   NAME.c      one per kind, or pair of kinds: prepares the steps of kernels/NAME.cl
 *   tile.c      tiles of the gpu variant's products; see tile.h
 *   tf32.c      products by tensor cores; see tf32.h
 *   conv*.c     CONV: what is common, and one file per variant; see conv.h
 *   winograd*.c CONV of the fast tier; see winograd.h
 *   clblast*.c  CLBlast's SGEMM, for the fast tier; see clblast.h
 *
 * Two variants of every kernel: "cpu" for devices whose work-groups are threads of a CPU (explicit
 * vectors, one work-item per group, no local memory) and "gpu" (an element, a vector of four or a
 * small tile per work-item, groups of 128 or 256, local memory).  Bits do not depend on it.
 *
 * Options: opencl.tf32 (ocl_tf32_open: tensor cores, and copies past registers, always, if need be
 * emulated, or never), opencl.width (elements of a vector), opencl.clblast and opencl.winograd
 * (ocl_blast_is_usual, ocl_winograd_tile: fast kernels always or never), opencl.winograd-error (the
 * gate of its tiles of 4 x 4), opencl.pass (MiB that Winograd's convolutions transform at a time in
 * the gpu variant).
 *
 * A device is used by one thread at a time, so nothing here is locked but CLBlast. */
#ifndef RETHINK_OPENCL_H
#define RETHINK_OPENCL_H
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <stdatomic.h>
#include <rethink/backend.h>

enum {
    OCL_MAX_TENSORS = 28, /* inputs and outputs of an op: each costs 16 of 1024 argument bytes */
    OCL_MAX_IMM = 48,
    OCL_MAX_CODE = 1024,
    OCL_MAX_AXES = 6,
    OCL_MAX_STEPS = 6,
    OCL_MARKS = 64,
    OCL_BLAST_SETS = 10, /* of CLBlast's parameters, on all sorts of devices */
    OCL_GROUP = 256,     /* work-items per group of the gpu variant */
    OCL_COUNTER = 255    /* in place of an argument's number: the device's counter */
};

/* Text under construction.  A failed allocation is remembered; ocl_text_ok asks. */
typedef struct ocl_text {
    const rk_host *host;
    char *s;
    size_t n, cap;
    int failed;
} ocl_text;

void ocl_text_bytes(ocl_text *, const void *s, size_t n);
__attribute__((format(printf, 2, 3))) void ocl_text_add(ocl_text *, const char *format, ...);
void ocl_text_free(ocl_text *);

/* Products by tensor cores, see tf32.h: none; emulated; those of GPUs whose data sheets promise no
 * more of them than of fma; and of others. */
enum { OCL_TF32_NONE = 0, OCL_TF32_EMULATED = 1, OCL_TF32_SLOW = 2, OCL_TF32_QUICK = 3 };

/* A built program, shared by the kernels of a device; found again by its key. */
typedef struct ocl_built {
    struct ocl_built *next;
    cl_program program;
    size_t key_bytes;
    char key[];
} ocl_built;

/* When a point was reached; 0: not yet.  A thread of the driver writes it, perhaps after the device
 * was closed: the last of its owners, the driver and the mark, frees it. */
typedef struct ocl_moment {
    atomic_ullong host_ns;
    atomic_int owners;
} ocl_moment;

/* A point on the timeline. */
typedef struct ocl_mark {
    cl_event event;
    uint64_t ticket, noted; /* ocl_noted */
    ocl_moment *moment;
} ocl_mark;

typedef struct ocl_timing ocl_timing; /* timing.c */

/* A failure that the device reported by itself, from a thread of its driver. */
typedef struct ocl_notice {
    int used;
    char text[256];
} ocl_notice;

struct rk_device {
    const rk_host *host;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    rk_devinfo info;
    int cpu;              /* the variant */
    uint32_t width;       /* elements per vector in the cpu variant; 1 in the gpu variant */
    uint32_t quad;        /* elements of a load that the gpu variant can do at once: 4, or 1 */
    uint64_t loop_limit;  /* iterations that a work-item may make; 0: any number */
    uint32_t units;       /* compute units */
    uint64_t local_bytes; /* local memory of a work-group */
    int tf32;             /* OCL_TF32_* */
    size_t max_group;     /* work-items per group */
    char options[128];    /* of every build */
    ocl_text identity;    /* platform, device and driver, for cache keys */
    ocl_built *built;
    rk_mem *mems;
    rk_kernel *kernels;
    cl_mem dummy; /* stands in for the memory of an empty tensor; word 0 is a counter that
                              is 0 between kernels */
    uint32_t unflushed;
    uint64_t tickets;
    ocl_mark marks[OCL_MARKS];
    ocl_timing *timing; /* NULL: kernels are not timed */
    rk_error sticky;    /* code RK_OK while all is well */
    ocl_notice notice;
    void *blast; /* state of clblast.c */
};

struct rk_mem {
    rk_mem *next;
    rk_device *device;
    cl_mem mem;
    uint64_t bytes;
};

/* One enqueued kernel.  Its first 2 * n_bind arguments are pairs (buffer, byte offset). */
typedef struct ocl_step {
    cl_kernel kernel;
    cl_uint n_arg, n_bind;
    cl_uint pass_arg; /* the argument that is the number of the pass; 0: none */
    size_t global[3], local[3];
    uint8_t bind[OCL_MAX_TENSORS + 2]; /* which argument of launch */
    uint64_t delta[OCL_MAX_TENSORS + 2];
    cl_mem last_mem[OCL_MAX_TENSORS + 2];
    uint64_t last_offset[OCL_MAX_TENSORS + 2];
} ocl_step;

/* Kinds of kernels, where there are several: see ocl_choice. */
enum {
    OCL_WAY_RULE = 0,
    OCL_WAY_EXACT = 1,
    OCL_WAY_BLAST = 2,
    OCL_WAY_WINOGRAD = 3,
    OCL_WAY_WINOGRAD_4X4 = 4,
    OCL_WAY_TF32 = 5
};

/* What a tuner has chosen; 0: what the static rule of the kind says.
 *   way         OCL_WAY_*; sizes of tiles and the like are those of exact kernels, or of
 *               OCL_WAY_TF32
 *   rows, cols  of a register tile, or of a group's tile
 *   deep        of a slice along the reduction, or positions that are written together
 *   part        how much a work-item does at once, in the units of the kind
 *   set         of CLBlast's parameters, from 1; 0: CLBlast's own */
typedef struct ocl_choice {
    uint32_t rows, cols, deep, part, way, set;
} ocl_choice;

struct rk_kernel {
    rk_kernel *next;
    rk_device *device;
    ocl_choice choice;
    uint32_t n_args, n_steps;
    uint64_t bytes[OCL_MAX_TENSORS + 1]; /* the least extent of each argument */
    ocl_step step[OCL_MAX_STEPS];
    uint32_t loop_from, loop_end, passes; /* steps that are done `passes` times, in turn */
    rk_status (*enqueue)(rk_kernel *, const rk_arg *, rk_error *); /* instead of steps */
    int64_t p[8];                                                  /* for enqueue */
    cl_mem own[2];                                                 /* of a probe */
    void *mapped;                                                  /* own[1] */
};

/* error.c: fills the record and returns the code. */
#define OCL_FAIL(e, code, native, ...) ocl_fail(e, code, native, __func__, __LINE__, __VA_ARGS__)
#define OCL_TRY(call)                                                                              \
    do {                                                                                           \
        rk_status try_ = (call);                                                                   \
        if (try_ != RK_OK) return try_;                                                            \
    } while (0)
__attribute__((format(printf, 6, 7))) rk_status ocl_fail(rk_error *, rk_status code, int32_t native,
                                                         const char *where, int line,
                                                         const char *format, ...);
const char *ocl_error_name(cl_int);
/* The status of an OpenCL call that was to do something: what says what. */
rk_status ocl_status(rk_device *, cl_int, const char *what, rk_error *);
/* The same for work on the queue: a failure sticks to the device. */
rk_status ocl_async(rk_device *, cl_int, const char *what, rk_error *);
/* RK_OK, or the failure that stuck. */
rk_status ocl_alive(rk_device *, rk_error *);

void *ocl_alloc(const rk_host *, size_t bytes); /* zeroed */
void ocl_free(const rk_host *, void *);
__attribute__((format(printf, 3, 4))) void ocl_log(const rk_host *, int level, const char *format,
                                                   ...);
const char *ocl_option(const rk_host *, const char *key);

/* platform.c */
rk_status ocl_enumerate(const rk_host *, rk_devinfo *, uint32_t cap, uint32_t *n, rk_error *);
rk_status ocl_find(const rk_host *, uint32_t index, cl_platform_id *, cl_device_id *, rk_devinfo *,
                   rk_error *);
/* The number of platforms; those beyond cap are left out.  Errors give 0 and *native. */
cl_uint ocl_platforms(cl_platform_id *, cl_uint cap, cl_int *native);

/* device.c */
rk_status ocl_open(const rk_host *, uint32_t index, rk_device **, rk_error *);
void ocl_close(rk_device *);
/* A context and a queue anew, after a failure in a device that has no memory and no kernels. */
rk_status ocl_start_over(rk_device *, rk_error *);

/* RK_E_UNSUPPORTED if a work-item's loops would be cut short. */
rk_status ocl_loops(const rk_device *, uint64_t iterations, rk_error *);

/* probe.c: whether a / b, sqrt and fma are correctly rounded on hard cases, and whether a loop runs
 * as often as it should (llvmpipe leaves all loops of a work-item after 65535 iterations). */
typedef struct ocl_probed {
    int div, root, fma, loops;
} ocl_probed;
rk_status ocl_probe(rk_device *, ocl_probed *, rk_error *);

/* memory.c */
rk_status ocl_mem_alloc(rk_device *, uint64_t, rk_mem **, rk_error *);
void ocl_mem_free(rk_device *, rk_mem *);
rk_status ocl_write(rk_device *, rk_mem *, uint64_t, const void *, uint64_t, rk_error *);
rk_status ocl_read(rk_device *, rk_mem *, uint64_t, void *, uint64_t, rk_error *);

/* program.c: *out belongs to the device. */
rk_status ocl_build(rk_device *, const ocl_text *source, cl_program *out, rk_error *);
/* Starts a source: numerics.h at the device's width if asked, and common.cl.  numerics must be
 * asked for wherever fma is used: it has the one for devices whose own is wrong. */
void ocl_source(rk_device *, ocl_text *, int numerics);
/* The same at another width than the device's; numerics included. */
void ocl_source_wide(rk_device *, ocl_text *, uint32_t width);
/* Appends one of the texts of embedded.h. */
#define OCL_APPEND(t, text) ocl_text_bytes(t, text, sizeof text)

/* kernel.c */
rk_status ocl_launch(rk_device *, rk_kernel *, const rk_arg *, uint32_t n, rk_error *);
void ocl_release(rk_device *, rk_kernel *);
/* Appends a step running kernel `name` of the source, and frees the source; the caller then gives
 * its arguments in order, buffers first, and its range. */
rk_status ocl_step_add(rk_kernel *, ocl_text *source, const char *name, ocl_step **, rk_error *);
void ocl_step_buffer(ocl_step *, uint32_t arg, uint64_t delta_bytes);
rk_status ocl_step_u32(ocl_step *, uint32_t, rk_error *);
rk_status ocl_step_u64(ocl_step *, uint64_t, rk_error *);
/* A number of elements: a u32 if `small`, else a u64. */
rk_status ocl_step_count(ocl_step *, int small, uint64_t, rk_error *);
/* A u32, the number of the pass. */
rk_status ocl_step_pass(ocl_step *, rk_error *);
/* x by y work-items in groups of `local` by 1; x is rounded up. */
void ocl_step_range(ocl_step *, uint64_t x, uint64_t y, uint64_t local);
/* The cpu variant's way to share out rows of `length` elements: gives the arguments piece (elements
 * of a row done at once, at most grain), pieces per row, tasks, and tasks per work-item. */
rk_status ocl_divide(ocl_step *, const rk_device *, uint64_t rows, uint64_t length, uint64_t grain,
                     rk_error *);
/* The grain that was chosen, or the usual one. */
uint64_t ocl_grain(const rk_kernel *, uint64_t usual);
rk_status ocl_flush(rk_device *, rk_error *);

/* queue.c */
rk_status ocl_sync(rk_device *, rk_error *);
rk_status ocl_mark_now(rk_device *, uint64_t *, rk_error *);
rk_status ocl_wait(rk_device *, uint64_t, rk_error *);
/* Waits for all of them. */
void ocl_marks_end(rk_device *);
rk_status ocl_elapsed(rk_device *, uint64_t, uint64_t, uint64_t *, rk_error *);

/* timing.c */
rk_status ocl_time_kernels(rk_device *, uint32_t on, rk_error *);
/* Where the event of a command that is about to be enqueued goes; NULL if nothing is timed.  Of a
 * library's call the last command's: all from here on are one. */
cl_event *ocl_note(rk_device *);
cl_event *ocl_note_library(rk_device *);
uint64_t ocl_noted(const rk_device *); /* how many so far */
/* Whether kernels have been timed since before this ticket was given. */
int ocl_times(const rk_device *, uint64_t ticket);
/* The time of noted commands [from, to), which have been waited for. */
rk_status ocl_worked(rk_device *, uint64_t from, uint64_t to, uint64_t *ns, rk_error *);
void ocl_timing_end(rk_device *);

/* check.c */
rk_status ocl_check(const rk_op *, rk_error *);
uint64_t ocl_count(const rk_tensor *);  /* elements of the index space */
uint64_t ocl_extent(const rk_tensor *); /* elements in memory */
uint32_t ocl_size(uint32_t dtype);
/* Whether kernels may count an op's elements in 32 bits: the gpu variant's, if no tensor has many.
 * The cpu variant counts in the width of its addresses. */
int ocl_small(const rk_device *, const rk_op *);

/* code.c: the program of an op, ready to be written as OpenCL C.
 *
 * The index space is seen as n_axes nested axes, outermost first, of which vec is the one that
 * vectors lie along; stride[j][axis] is that of program input j.  In the source, axis k is the
 * variable xk, the linear position is pos, and rem says how many elements of a vector count. */
typedef struct ocl_code {
    const rk_op *op;
    uint32_t width, n_axes, vec;
    int streams;     /* results go past the caches */
    int flat;        /* vectors lie along the whole space; see ocl_code_flat */
    uint32_t first;  /* inputs of the op before program input `skip` */
    uint32_t skip;   /* program inputs without memory: 1 in an epilogue */
    uint32_t n_in;   /* inputs of the program */
    uint32_t folds;  /* number of FOLD */
    uint64_t before; /* bytes of outputs before the part of them that is written */
    uint32_t split;  /* instructions before this one precede or are the last FOLD */
    int small;       /* strides are arguments of 32 bits; see ocl_small */
    int64_t extent[OCL_MAX_AXES];
    int64_t stride[OCL_MAX_TENSORS][OCL_MAX_AXES];
    uint32_t n_code;
    rk_ins code[OCL_MAX_CODE + OCL_MAX_TENSORS]; /* with the instructions that an op may omit */
} ocl_code;

/* Sets up *code; skip is 1 for epilogues, whose operands are the first `first` inputs. */
rk_status ocl_code_init(ocl_code *, rk_device *, const rk_op *, uint32_t first, uint32_t skip,
                        rk_error *);
/* Takes the axes as given, outermost first, and finds each input's strides along them. */
rk_status ocl_code_axes(ocl_code *, const int64_t *extent, uint32_t n, uint32_t vec, rk_error *);
/* Defines `name`: parameters of a kernel for what instructions [from, to) need, with a comma after
 * each; and gives them to a step, in the same order. */
void ocl_code_params(const ocl_code *, ocl_text *, const char *name, uint32_t from, uint32_t to);
rk_status ocl_code_args(const ocl_code *, ocl_step *, uint32_t from, uint32_t to, rk_error *);
/* Defines `name`: loads of the inputs that instructions [from, to) use, and the instructions. */
void ocl_code_body(const ocl_code *, ocl_text *, const char *name, uint32_t from, uint32_t to);
/* Defines `name`: asks for what instructions [from, to) read at the place of each element. */
void ocl_code_soon(const ocl_code *, ocl_text *, const char *name, uint32_t from, uint32_t to);
/* Defines `name`: where the first results of 32 bits go; returns whether there are such. */
int ocl_code_want(const ocl_code *, ocl_text *, const char *name);
/* Whether each input that instructions [from, to) use either has the space's elements in its order
 * or does not vary along axis vec. */
int ocl_code_flat(const ocl_code *, uint32_t from, uint32_t to);
/* Defines `name`(X): X(j, its vector) for each input j that does not vary along axis vec.  Of a
 * flat program these are not in ocl_code_body, which takes them from variables in0 ... */
void ocl_code_values(const ocl_code *, ocl_text *, const char *name);
/* Whether vectors of 4 along axis vec start at multiples of 4 elements in all tensors that vary
 * along it, so that each is one aligned load. */
int ocl_code_aligned(const ocl_code *);
/* The bits of rk_kinfo.alias_ok: dense inputs of the program whose elements are as wide as
 * output 0's, so that each element is read before its place is written.  Of REDUCE, whose axes must
 * be known, those that do not vary along the reduced one: only what makes an element reads it. */
uint32_t ocl_code_alias(const ocl_code *);

/* The kinds. */
rk_status ocl_ewise(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_copy(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_reduce(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_matmul(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_convolve(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_window(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_take(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_put(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
rk_status ocl_rng(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);

/* peak.c */
rk_status ocl_peak(rk_kernel *, rk_probe *, rk_error *);
void ocl_peak_release(rk_kernel *);

/* clblast.c: RK_E_UNSUPPORTED, with the reason, if CLBlast cannot be used or trusted here. */
rk_status ocl_blast(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
/* What the option opencl.clblast says: "1" always, "0" never; without it where it was chosen. */
int ocl_blast_is_usual(const rk_device *);
/* Sets of parameters that suit the device, those that promise most first; returns how many. */
uint32_t ocl_blast_sets(const rk_device *, uint32_t set[OCL_BLAST_SETS]);
void ocl_blast_set_name(uint32_t set, char name[64]);
void ocl_blast_close(rk_device *);

#endif
