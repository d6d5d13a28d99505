/* The CPU backend's own interface: what its files share.
 *
 *   entry.c      the table, enumerate, open, close
 *   processor.c  what the processor is called
 *   device.c     memory, kernels, the timeline
 *   pool.c       threads
 *   check.c      whether an op keeps the contract
 *   choice.c     what a tuner may choose; see choice.h
 *   probe.c      kernels that do work of one sort and nothing else
 *   program.c    programs of an op, compiled to steps over tiles of elements
 *   access.c     how they read their inputs
 *   epilogue.c   those that follow a kind's result
 *   isa.c, run.c, step.c, peak.c, NAME.c
 *                compiled once per instruction set: the tables of kinds, the interpreter of
 *                programs, and one file per kind with the plain loop that defines the kind and the
 *                fast path beside it (CONV and WINDOW have more files: see conv.h)
 *
 * Bits depend neither on the instruction set nor on the number of threads.  A device is used by one
 * thread at a time and launch returns when the work is done, so nothing is locked, and scratch
 * memory belongs to the device. */
#ifndef RETHINK_CPU_H
#define RETHINK_CPU_H
#include <rethink/backend.h>

enum {
    CPU_ALIGN = 64,
    CPU_MAX_ARGS = 96,
    CPU_MAX_THREADS = 256,
    CPU_BLOCK = 1024, /* most elements of a block of a program */
    CPU_NO_ARG = 0xFFFF,
    /* Bytes of an output that goes past the caches: a store there need not read memory first, and
     * little of it would be left when it is wanted. */
    CPU_STREAM = 2 << 20
};

#define CPU_JOIN_(a, b) a##_##b
#define CPU_JOIN(a, b) CPU_JOIN_(a, b)
/* The name of something that is compiled once per instruction set. */
#define CPU_NAME(name) CPU_JOIN(name, CPU_ISA)

/* How MATMUL and CONV are computed: b packed into panels or read where it lies; vectors along rows
 * or along columns of the result; not by kernels of the fast tier. */
enum {
    CPU_WAY_RULE = 0,
    CPU_WAY_PACKED = 1,
    CPU_WAY_DIRECT = 2,
    CPU_WAY_SWAPPED = 3,
    CPU_WAY_STRAIGHT = 4,
    CPU_WAY_EXACT = 5
};

/* What a tuner has chosen; 0: what the static rule of the kind says.
 *   threads     how many work on it
 *   way         CPU_WAY_*
 *   by_m, by_n  MATMUL: the rectangles into which the result is cut
 *   columns     CONV: of a unit of work, about */
typedef struct cpu_choice {
    int threads, way;
    int64_t by_m, by_n, columns;
} cpu_choice;

/* A kind: prepare checks the op and fills the kernel; run computes.  arg[] are inputs, outputs and
 * workspace.  choices, unless NULL, adds to those of an op whose kernel was prepared by the static
 * rules. */
struct cpu_choices;
typedef struct cpu_kind {
    rk_status (*prepare)(rk_kernel *, const rk_op *, rk_kinfo *, rk_error *);
    void (*run)(const rk_kernel *, unsigned char *const *arg);
    void (*choices)(const rk_kernel *, struct cpu_choices *);
} cpu_kind;

/* A way to be fast at one thing. */
typedef struct cpu_peak {
    uint32_t what; /* RK_PROBE_* */
    double work;   /* of a thread's round; 0: all bytes of its part */
    size_t bytes;  /* of a thread's part of the workspace; 0: of much memory */
    void (*run)(uint32_t rounds, size_t bytes, float *part);
    const char *text;
} cpu_peak;

typedef struct cpu_isa {
    const char *name;
    const cpu_kind *kind[RK_RNG + 1];
    const cpu_peak *peaks; /* one without a function ends them */
} cpu_isa;

extern const cpu_isa cpu_isa_plain;
#ifdef CPU_X86
extern const cpu_isa cpu_isa_avx2, cpu_isa_avx512;
#endif

/* Memory that a kernel owns: a chain of blocks, freed together. */
typedef struct cpu_block {
    struct cpu_block *next;
} cpu_block;

struct rk_mem {
    rk_mem *next, **link;
    uint64_t bytes;
    unsigned char *at;
};

typedef struct cpu_pool cpu_pool;

struct rk_device {
    const rk_host *host;
    cpu_pool *pool;
    const cpu_isa *isa;
    int threads;
    rk_mem *mems;
    rk_kernel *kernels;
    void *scratch_block;
    unsigned char *scratch; /* threads pieces of scratch_bytes */
    size_t scratch_bytes;
    uint64_t last_ticket;
};

struct rk_kernel {
    rk_kernel *next, **link;
    rk_device *device;
    const cpu_kind *kind;
    cpu_choice choice;
    cpu_block *blocks;
    uint32_t n_in, n_out, n_arg, alias_ok;
    uint64_t *bytes; /* of each argument */
    int64_t p[24];
    int threads;          /* most threads worth using */
    size_t scratch_bytes; /* of each thread */
    void *plan;           /* the kind's own */
};

/* Fills *e, unless NULL, and returns code. */
__attribute__((format(printf, 4, 5))) rk_status cpu_fail(rk_error *e, rk_status code,
                                                         const char *where, const char *format,
                                                         ...);

/* Zeroed memory that lives as long as the kernel; NULL when there is none. */
void *cpu_kernel_alloc(rk_kernel *, size_t bytes);
/* The scratch memory of thread t in a launch of this kernel: 64-byte aligned. */
unsigned char *cpu_scratch(const rk_kernel *, int t);

/* A device's threads: the caller's and threads - 1 more.  NULL without memory. */
cpu_pool *cpu_pool_new(const rk_host *, int threads);
void cpu_pool_free(cpu_pool *);
/* Calls body(context, t, threads) for every t < threads, at once where there are threads; returns
 * when all have returned. */
typedef void cpu_body(void *context, int t, int threads);
void cpu_parallel(const rk_device *, int threads, cpu_body *body, void *context);
/* How many threads of the device are worth using for so many operations of a nanosecond or so. */
int cpu_threads_for(const rk_device *, double nanoseconds);
/* The same for a kernel, or what was chosen. */
int cpu_threads_of(const rk_kernel *, double nanoseconds);
/* The part of n units, in multiples of step, that is thread t's: [*from, *end). */
void cpu_share(int64_t n, int64_t step, int t, int threads, int64_t *from, int64_t *end);

/* Table functions. */
rk_status cpu_mem_alloc(rk_device *, uint64_t bytes, rk_mem **, rk_error *);
void cpu_mem_free(rk_device *, rk_mem *);
rk_status cpu_write(rk_device *, rk_mem *, uint64_t offset, const void *src, uint64_t bytes,
                    rk_error *);
rk_status cpu_read(rk_device *, rk_mem *, uint64_t offset, void *dst, uint64_t bytes, rk_error *);
/* A kernel that has nothing but its kind yet. */
rk_kernel *cpu_kernel_new(rk_device *, const cpu_kind *);
/* choice: NULL for the static rules. */
rk_status cpu_prepare(rk_device *, const rk_op *, const cpu_choice *choice, rk_kernel **,
                      rk_kinfo *, rk_error *);
rk_status cpu_launch(rk_device *, rk_kernel *, const rk_arg *args, uint32_t n, rk_error *);
void cpu_release(rk_device *, rk_kernel *);
rk_status cpu_sync(rk_device *, rk_error *);
rk_status cpu_mark(rk_device *, uint64_t *ticket, rk_error *);
rk_status cpu_wait(rk_device *, uint64_t ticket, rk_error *);
rk_status cpu_elapsed_ns(rk_device *, uint64_t from, uint64_t to, uint64_t *ns, rk_error *);
rk_status cpu_probe(rk_device *, rk_probe *, rk_kernel **, rk_error *);
uint64_t cpu_memory_total(void);
/* Name and vendor, from a file like /proc/cpuinfo: processors that differ have different names, as
 * tuning is kept by them. */
void cpu_processor(const char *path, rk_devinfo *d);
#endif
