/* What every backend does beside kernels: opening, memory, order, host memory that runs out. */
#include "check/cases.h"
#include <string.h>
#include <time.h>
#include "base/os.h"
#include "rethink/numerics.h"

/* What the table and the device say of themselves. */
static void description(rk_bed *bed)
{
    const rk_devinfo *i = &bed->info;
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    uint32_t n = 0;
    RK_BED_CHECK(bed, b->version && b->version[0], "the table has no version");
    RK_BED_CHECK(bed, b->enumerate(&bed->host, NULL, 0, &n, &e) == RK_OK && n > 0,
                 "enumerate into no entries fails or counts no device: %s", e.text);
    RK_BED_CHECK(bed,
                 i->mem_align > 0 && i->mem_align <= 4096 && !(i->mem_align & (i->mem_align - 1)),
                 "mem_align is %u, and no power of two up to 4096", i->mem_align);
    RK_BED_CHECK(bed, i->mem_total > 0, "the device has no memory (mem_total is 0)");
    RK_BED_CHECK(bed, i->mem_max_alloc <= i->mem_total,
                 "mem_max_alloc is more than mem_total: %llu, %llu",
                 (unsigned long long)i->mem_max_alloc, (unsigned long long)i->mem_total);
    RK_BED_CHECK(bed, i->type >= RK_DEV_CPU && i->type <= RK_DEV_OTHER, "type is %u", i->type);
    RK_BED_CHECK(bed, memchr(i->name, 0, sizeof i->name) && i->name[0], "the device has no name");
    RK_BED_CHECK(bed, memchr(i->driver, 0, sizeof i->driver), "driver does not end with a zero");
    RK_BED_CHECK(bed, memchr(i->id, 0, sizeof i->id), "id does not end with a zero");
}

/* An older host knows fewer fields of rk_devinfo; what lies behind them must stay. */
static void older_host(rk_bed *bed)
{
    struct {
        rk_devinfo info;
        unsigned char after[64];
    } room;
    rk_error e = rk_error_new();
    uint32_t n = 0;
    size_t size = offsetof(rk_devinfo, platform);
    memset(&room, 0x5A, sizeof room);
    room.info.size = (uint32_t)size;
    rk_status s = bed->backend->enumerate(&bed->host, &room.info, 1, &n, &e);
    RK_BED_CHECK(bed, s == RK_OK, "enumerate for a host of smaller entries: %s", e.text);
    for (size_t i = size; i < sizeof room; i++)
        RK_BED_CHECK(bed, ((unsigned char *)&room)[i] == 0x5A,
                     "enumerate wrote behind the entry that its host has room for");
}

/* One piece of memory and what should be in it. */
typedef struct shadow {
    rk_mem *mem;
    unsigned char *image, *back;
} shadow;
enum { SHADOW = 70001 };

static rk_status transfer(rk_bed *bed, const shadow *m, uint32_t at, uint32_t bytes, rk_error *e)
{
    const rk_backend *b = bed->backend;
    RK_TRY(b->write(bed->device, m->mem, at, m->image + at, bytes, e));
    RK_TRY(b->read(bed->device, m->mem, 0, m->back, SHADOW, e));
    RK_BED_CHECK(bed, memcmp(m->image, m->back, SHADOW) == 0,
                 "%u bytes written at offset %u are not what is read", bytes, at);
    memset(m->back, 0, SHADOW);
    RK_TRY(b->read(bed->device, m->mem, at, m->back, bytes, e));
    RK_BED_CHECK(bed, memcmp(m->image + at, m->back, bytes) == 0,
                 "reading %u bytes at offset %u gives others", bytes, at);
    return RK_OK;
}

/* Bytes written at any offset are read back, and nothing beside them changes. */
static void transfers(rk_bed *bed)
{
    static const struct {
        uint32_t at, bytes;
    } list[] = {{0, SHADOW}, {0, 1}, {1, 1}, {3, 64}, {4095, 2}, {65537, 4464}, {70000, 1}, {5, 0}};
    rk_error e = rk_error_new();
    rk_dice r = {71};
    rk_operands own = {.terms = 1};
    shadow m = {NULL, rk_operands_array(bed, &own, SHADOW, 1),
                rk_operands_array(bed, &own, SHADOW, 1)};
    rk_status s = rk_bed_going(bed) ? RK_OK : RK_E_NOMEM;
    if (s == RK_OK) s = bed->backend->mem_alloc(bed->device, SHADOW, &m.mem, &e);
    for (size_t i = 0; i < sizeof list / sizeof *list && s == RK_OK; i++) {
        for (uint32_t k = 0; k < list[i].bytes; k++)
            m.image[list[i].at + k] = (unsigned char)rk_dice_word(&r);
        s = transfer(bed, &m, list[i].at, list[i].bytes, &e);
    }
    RK_BED_CHECK(bed, s == RK_OK, "%s", e.text[0] ? e.text : rk_status_name(s));
    if (m.mem) bed->backend->mem_free(bed->device, m.mem);
    rk_operands_free(&own);
}

/* Memory and kernels that are left are freed by close. */
static void left_to_close(rk_bed *bed)
{
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    rk_device *device = NULL;
    rk_mem *mem;
    long live = bed->alloc.live;
    if (!RK_BED_CHECK(bed, b->open(&bed->host, bed->info.index, &device, &e) == RK_OK,
                      "a second device at once: %s", e.text))
        return;
    for (uint64_t bytes = 1; bytes <= 1000; bytes += 999)
        RK_BED_CHECK(bed, b->mem_alloc(device, bytes, &mem, &e) == RK_OK, "mem_alloc: %s", e.text);
    e = rk_error_new();
    rk_status s = b->mem_alloc(device, (uint64_t)1 << 60, &mem, &e);
    RK_BED_CHECK(bed, s == RK_E_NOMEM && e.text[0],
                 "2^60 bytes: it answers %s \"%s\", and should out of memory, with a reason",
                 rk_status_name(s), e.text);
    b->close(device);
    RK_BED_CHECK(bed, bed->alloc.live == live, "%ld host allocations are left after close",
                 bed->alloc.live - live);
}

/* Opens a device and computes something on it. */
static rk_status one_of_each(rk_bed *bed, rk_error *e)
{
    rk_device *device = NULL, *outer = bed->device;
    float data[4][64] = {{0}};
    rk_sample c;
    rk_status s = bed->backend->open(&bed->host, bed->info.index, &device, e);
    if (s != RK_OK) return s;
    bed->device = device;
    rk_sample_begin(&c, RK_MATMUL);
    rk_sample_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 0);
    rk_sample_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 0);
    rk_sample_out(&c, RK_F32, 3, (int64_t[]){1, 8, 8});
    memcpy(c.op.p, (int64_t[]){1, 8, 8, 8, 0, 0, 64, 64}, 8 * sizeof(int64_t));
    s = rk_sample_run(bed, &c, (const void *[]){data[0], data[1]}, (void *[]){data[3]}, -1, e);
    if (s == RK_OK || s == RK_E_UNSUPPORTED) {
        rk_sample_begin(&c, RK_EWISE);
        rk_sample_in(&c, RK_F32, 2, (int64_t[]){8, 8}, 1);
        rk_sample_out(&c, RK_F32, 2, (int64_t[]){8, 8});
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FEXP, RK_R_IN, 0, 0));
        s = rk_sample_run(bed, &c, (const void *[]){data[0]}, (void *[]){data[3]}, -1, e);
    }
    bed->device = outer;
    bed->backend->close(device);
    return s == RK_E_UNSUPPORTED ? RK_OK : s;
}

/* The n-th host allocation fails, for every n: a refusal, no crash, no leak. */
static void host_memory(rk_bed *bed)
{
    rk_error e = rk_error_new();
    long most = bed->quick ? 4 : 300;
    rk_status s = one_of_each(bed, &e); /* what is kept for the life of the process */
    long live = bed->alloc.live;
    RK_BED_CHECK(bed, s == RK_OK, "%s", e.text);
    for (long n = 1; n < most && rk_bed_going(bed); n++) {
        bed->alloc.fail_at = bed->alloc.calls + n;
        e = rk_error_new();
        s = one_of_each(bed, &e);
        bool reached = bed->alloc.calls >= bed->alloc.fail_at;
        bed->alloc.fail_at = 0;
        RK_BED_CHECK(bed, bed->alloc.live == live, "host allocation %ld fails: %ld leak", n,
                     bed->alloc.live - live);
        RK_BED_CHECK(bed, s == RK_OK || (s == RK_E_NOMEM && e.text[0]),
                     "host allocation %ld fails: it answers %s, \"%s\", and should out of memory, "
                     "with a reason",
                     n, rk_status_name(s), e.text);
        if (!reached) break;
    }
    s = one_of_each(bed, &e);
    RK_BED_CHECK(bed, s == RK_OK, "after allocations that failed: %s", e.text);
}

/* mark, wait and elapsed_ns, if they are there. */
static void timeline(rk_bed *bed)
{
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    uint64_t from = 0, to = 0, ns = 0;
    if (!b->mark || !b->wait) return;
    RK_BED_CHECK(bed, b->mark(bed->device, &from, &e) == RK_OK, "mark: %s", e.text);
    RK_BED_CHECK(bed, b->mark(bed->device, &to, &e) == RK_OK, "mark: %s", e.text);
    RK_BED_CHECK(bed, b->wait(bed->device, to, &e) == RK_OK, "wait: %s", e.text);
    RK_BED_CHECK(bed, b->wait(bed->device, from, &e) == RK_OK, "wait for the past: %s", e.text);
    if (b->elapsed_ns) {
        RK_BED_CHECK(bed, b->elapsed_ns(bed->device, from, to, &ns, &e) == RK_OK, "elapsed_ns: %s",
                     e.text);
        RK_BED_CHECK(bed, ns < 1000000000u, "nothing took %llu ns", (unsigned long long)ns);
    }
    RK_BED_CHECK(bed, b->wait(bed->device, to + 1000000, &e) != RK_OK,
                 "wait takes a ticket that mark did not give");
}

/* Twice so many launches that are not waited for, with marks before, between and behind. */
static void time_launches(rk_bed *bed, rk_kernel *kernel, const rk_arg *args)
{
    enum { LAUNCHES = 12 };
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    uint64_t mark[3] = {0}, ns[3] = {0}, begun = rk_os_now_ns();
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < LAUNCHES && i > 0; j++)
            RK_BED_CHECK(bed, b->launch(bed->device, kernel, args, 2, &e) == RK_OK, "launch: %s",
                         e.text);
        RK_BED_CHECK(bed, b->mark(bed->device, &mark[i], &e) == RK_OK, "mark: %s", e.text);
    }
    RK_BED_CHECK(bed, b->wait(bed->device, mark[2], &e) == RK_OK, "wait: %s", e.text);
    uint64_t passed = rk_os_now_ns() - begun;
    for (int i = 0; i < 3; i++)
        RK_BED_CHECK(bed,
                     b->elapsed_ns(bed->device, mark[i == 1], mark[2 - !i], &ns[i], &e) == RK_OK,
                     "elapsed_ns: %s", e.text);
    RK_BED_CHECK(bed, ns[0] > 0 && ns[1] > 0, "launches took no time");
    RK_BED_CHECK(bed, ns[2] == ns[0] + ns[1], "launches took %llu ns, then %llu, and in all %llu",
                 (unsigned long long)ns[0], (unsigned long long)ns[1], (unsigned long long)ns[2]);
    RK_BED_CHECK(bed, ns[2] <= passed, "launches took %llu ns, and only %llu passed",
                 (unsigned long long)ns[2], (unsigned long long)passed);
}

static void time_pause(rk_bed *bed)
{
    const struct timespec pause = {0, 10000000};
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    uint64_t from = 0, to = 0, ns = 1;
    RK_BED_CHECK(bed, b->mark(bed->device, &from, &e) == RK_OK, "mark: %s", e.text);
    nanosleep(&pause, NULL);
    RK_BED_CHECK(bed, b->mark(bed->device, &to, &e) == RK_OK, "mark: %s", e.text);
    RK_BED_CHECK(bed, b->elapsed_ns(bed->device, from, to, &ns, &e) == RK_OK && ns == 0,
                 "a pause of the host counts as %llu ns of work %s", (unsigned long long)ns,
                 e.text);
}

/* time_kernels, if it is there: waiting is no work. */
static void kernel_times(rk_bed *bed)
{
    enum { SIZE = 1 << 18 };
    const rk_backend *b = bed->backend;
    rk_error e = rk_error_new();
    rk_kinfo info = {.size = sizeof info};
    rk_arg args[2] = {{NULL, 0}, {NULL, 0}};
    rk_kernel *kernel;
    rk_sample c;
    rk_sample_begin(&c, RK_EWISE);
    rk_sample_in(&c, RK_F32, 1, (int64_t[]){SIZE}, 0);
    rk_sample_out(&c, RK_F32, 1, (int64_t[]){SIZE});
    rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FEXP, RK_R_IN, 0, 0));
    rk_op op = rk_sample_op(&c);
    if (!b->time_kernels || b->prepare(bed->device, &op, &kernel, &info, &e) != RK_OK) return;
    for (int i = 0; i < 2; i++)
        RK_BED_CHECK(bed, b->mem_alloc(bed->device, 4 * SIZE, &args[i].mem, &e) == RK_OK,
                     "mem_alloc: %s", e.text);
    rk_status s = b->time_kernels(bed->device, 1, &e);
    RK_BED_CHECK(bed, s == RK_OK || (s == RK_E_UNSUPPORTED && e.text[0]), "time_kernels: %s",
                 e.text);
    for (int i = 0; s == RK_OK && i < 2; i++) {
        time_launches(bed, kernel, args);
        time_pause(bed);
    }
    if (s == RK_OK) s = b->time_kernels(bed->device, 0, &e);
    RK_BED_CHECK(bed, s == RK_OK || s == RK_E_UNSUPPORTED, "time_kernels off: %s", e.text);
    RK_BED_CHECK(bed, b->launch(bed->device, kernel, args, 2, &e) == RK_OK, "launch: %s", e.text);
    RK_BED_CHECK(bed, b->sync(bed->device, &e) == RK_OK, "sync: %s", e.text);
    b->release(bed->device, kernel);
    for (int i = 0; i < 2; i++) b->mem_free(bed->device, args[i].mem);
}

/* ---- results that must not depend on how many threads compute them ---- */

enum { ROWS = 3, REDUCED = 5003, SUMS = ROWS + ROWS * ROWS };

/* The sums of rows, and a product: sums that are worth sharing. */
static rk_status compute(rk_bed *bed, const float *x, float *y, rk_error *e)
{
    rk_sample c;
    rk_sample_begin(&c, RK_REDUCE);
    rk_sample_in(&c, RK_F32, 3, (int64_t[]){ROWS, REDUCED, 1}, 0);
    rk_sample_out(&c, RK_F32, 3, (int64_t[]){ROWS, 1, 1});
    memcpy(c.op.p, (int64_t[]){RK_REDUCE_SUM, ROWS, REDUCED, 1}, 4 * sizeof(int64_t));
    rk_status s = rk_sample_run(bed, &c, (const void *[]){x}, (void *[]){y}, -1, e);
    if (s != RK_OK && s != RK_E_UNSUPPORTED) return s;
    rk_sample_begin(&c, RK_MATMUL);
    rk_sample_in(&c, RK_F32, 2, (int64_t[]){ROWS, REDUCED}, 0);
    rk_sample_in(&c, RK_F32, 2, (int64_t[]){ROWS, REDUCED}, 0);
    rk_sample_out(&c, RK_F32, 3, (int64_t[]){1, ROWS, ROWS});
    memcpy(c.op.p, (int64_t[]){1, ROWS, ROWS, REDUCED, 0, 1, 0, 0}, 8 * sizeof(int64_t));
    s = rk_sample_run(bed, &c, (const void *[]){x, x}, (void *[]){y + ROWS}, -1, e);
    return s == RK_E_UNSUPPORTED ? RK_OK : s;
}

/* One more device, with an option; the backend may not know it. */
static rk_status compute_with(rk_bed *bed, const char *option, const float *x, float *y,
                              rk_error *e)
{
    rk_device *outer = bed->device;
    bed->device = NULL;
    bed->other_option = option;
    rk_status s = bed->backend->open(&bed->host, bed->info.index, &bed->device, e);
    if (s == RK_OK) s = compute(bed, x, y, e);
    if (bed->device) bed->backend->close(bed->device);
    bed->other_option = NULL;
    bed->device = outer;
    return s;
}

static void same_sums(rk_bed *bed, const float *want, const float *got, const char *option)
{
    for (int i = 0; i < SUMS; i++)
        RK_BED_CHECK(bed, rk_bits(got[i]) == rk_bits(want[i]),
                     "%s %d of %d terms: %.9g (0x%08X) with threads=1, %.9g (0x%08X) with %s",
                     i < ROWS ? "the sum of row" : "product", i < ROWS ? i : i - ROWS, REDUCED,
                     (double)want[i], rk_bits(want[i]), (double)got[i], rk_bits(got[i]), option);
}

static void threads(rk_bed *bed)
{
    static const char *const options[] = {"threads=1", "threads=2", "threads=3", "threads=7"};
    rk_dice r = {72};
    rk_operands own = {.terms = 1};
    float *x = rk_operands_array(bed, &own, ROWS * REDUCED, sizeof *x), first[SUMS] = {0};
    for (int i = 0; x && i < ROWS * REDUCED; i++) x[i] = rk_dice_float(&r);
    for (int t = 0; t < 4 && rk_bed_going(bed); t++) {
        float y[SUMS] = {0};
        rk_error e = rk_error_new();
        rk_status s = compute_with(bed, options[t], x, y, &e);
        RK_BED_CHECK(bed, s == RK_OK, "with %s: %s", options[t], e.text);
        if (t == 0) memcpy(first, y, sizeof y);
        same_sums(bed, first, y, options[t]);
    }
    rk_operands_free(&own);
}

static const rk_case cases[] = {
    {"description", "what the table and the device say of themselves", description,
     RK_CASE_SERVICE},
    {"older-host", "a host that knows fewer fields", older_host, RK_CASE_SERVICE},
    {"transfers", "write and read at any offset", transfers, RK_CASE_SERVICE},
    {"close", "memory left to close; more memory than there is", left_to_close, RK_CASE_SERVICE},
    {"host-memory", "the n-th host allocation fails, for every n", host_memory, RK_CASE_SERVICE},
    {"timeline", "mark, wait and elapsed_ns, if there are any", timeline, RK_CASE_SERVICE},
    {"kernel-times", "time_kernels, if there is one", kernel_times, RK_CASE_SERVICE},
    {"threads", "exact sums and products with the option threads=1, 2, 3, 7", threads,
     RK_CASE_SERVICE}};
const rk_case_group rk_cases_device = {"device", cases, sizeof cases / sizeof *cases};
