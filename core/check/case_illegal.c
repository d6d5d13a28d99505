/* Every illegal call is refused with a reason, and the device works afterwards. */
#include "check/cases.h"
#include <stdio.h>
#include <string.h>

static rk_error fresh(void) { return (rk_error){.size = sizeof(rk_error)}; }

/* One of two codes (the second may equal the first), and a text. */
static void is_refusal(rk_bed *bed, const char *what, rk_status s, rk_status code, rk_status other,
                       const rk_error *e)
{
    RK_BED_CHECK(bed, s == code || s == other, "%s: it answers %s, and should %s%s%s", what,
                 s == RK_OK ? "as if all were well" : rk_status_name(s), rk_status_name(code),
                 other == code ? "" : " or ", other == code ? "" : rk_status_name(other));
    RK_BED_CHECK(bed, e->text[0], "%s: it is refused, but without a reason", what);
    RK_BED_CHECK(bed, e->code == s, "%s: it returns status %d, but the error says %d", what, (int)s,
                 (int)e->code);
}

static void refused(rk_bed *bed, const rk_sample *c, const char *what, rk_status code,
                    rk_status other)
{
    rk_error e = fresh();
    rk_op op = rk_sample_op(c);
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel = NULL;
    if (!rk_bed_going(bed)) return;
    rk_status s = bed->backend->prepare(bed->device, &op, &kernel, &info, &e);
    if (s == RK_OK) bed->backend->release(bed->device, kernel);
    is_refusal(bed, what, s, code, other, &e);
}

static void simple(rk_sample *c) /* out = in0 + in1, 70 elements */
{
    int64_t n = 70;
    rk_sample_begin(c, RK_EWISE);
    uint16_t a = rk_sample_in(c, RK_F32, 1, &n, 0), b = rk_sample_in(c, RK_F32, 1, &n, 0);
    rk_sample_out(c, RK_F32, 1, &n);
    rk_sample_imm(c, 1);
    rk_sample_store(c, 0, rk_sample_ins(c, RK_I_FADD, a, b, 0));
}

/* Whether there is anything of which an illegal form could be told from one that is only not
 * supported. */
static bool has_ewise(rk_bed *bed)
{
    rk_sample c;
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel = NULL;
    rk_error e = fresh();
    simple(&c);
    rk_op op = rk_sample_op(&c);
    if (bed->backend->prepare(bed->device, &op, &kernel, &info, &e) != RK_OK) return false;
    bed->backend->release(bed->device, kernel);
    return true;
}

static void unknown_numbers(rk_bed *bed)
{
    static const uint32_t kinds[] = {0, 10, 1000, 0xFFFFFFFFu};
    static const uint16_t ops[] = {0, 15, 31, 41, 63, 67, 95, 98, 0xFFFF};
    static const uint32_t dtypes[] = {0, 2, 5};
    enum { NO = RK_E_UNSUPPORTED };
    rk_sample c;
    for (int i = 0; i < 4; i++) {
        simple(&c);
        c.op.kind = kinds[i];
        refused(bed, &c, "an unknown kind", NO, NO);
    }
    simple(&c);
    c.op.rev = 1;
    refused(bed, &c, "an unknown revision of a kind", NO, NO);
    simple(&c);
    c.op.flags = 2;
    refused(bed, &c, "an unknown flag", NO, NO);
    for (int i = 0; i < 9; i++) {
        simple(&c);
        c.code[0].op = ops[i];
        refused(bed, &c, "an unknown instruction", NO, NO);
    }
    for (int i = 0; i < 3; i++) {
        simple(&c);
        c.in[1].dtype = dtypes[i];
        refused(bed, &c, "an unknown dtype of an input", NO, RK_E_INVALID);
        simple(&c);
        c.out[0].dtype = dtypes[i];
        refused(bed, &c, "an unknown dtype of an output", NO, RK_E_INVALID);
    }
}

static void bad_programs(rk_bed *bed)
{
    enum { BAD = RK_E_INVALID };
    rk_sample c;
    static const uint16_t operands[] = {RK_R_IN + 2,    RK_R_INS + 0, RK_R_INS + 1, RK_R_IMM + 1,
                                        RK_R_INDEX + 1, RK_R_FOLD,    0x5000,       0xF000};
    if (!has_ewise(bed)) return;
    for (int i = 0; i < 8; i++) {
        simple(&c);
        c.code[0].b = operands[i];
        refused(bed, &c, "an operand that does not exist", BAD, RK_E_UNSUPPORTED);
    }
    simple(&c);
    c.code[1].a = RK_R_INS + 1;
    refused(bed, &c, "the result of a STORE, which has none", BAD, BAD);
    simple(&c);
    c.code[1].b = 1;
    refused(bed, &c, "a STORE to an output that does not exist", BAD, BAD);
    simple(&c);
    c.op.n_code = 1;
    refused(bed, &c, "a program that stores nothing", BAD, BAD);
    simple(&c);
    rk_sample_store(&c, 0, RK_R_INS);
    refused(bed, &c, "an output that is stored twice", BAD, BAD);
    simple(&c);
    c.op.n_code = 0;
    refused(bed, &c, "EWISE without a program", BAD, BAD);
    simple(&c);
    rk_sample_ins(&c, RK_I_FOLD, RK_R_INS, 0, 0);
    refused(bed, &c, "FOLD in EWISE", BAD, RK_E_UNSUPPORTED);
}

static void bad_tensors(rk_bed *bed)
{
    enum { BAD = RK_E_INVALID, NO = RK_E_UNSUPPORTED };
    rk_sample c;
    if (!has_ewise(bed)) return;
    simple(&c);
    c.in[0].dim[0] = 69;
    refused(bed, &c, "an input that is shorter than the index space", BAD, BAD);
    simple(&c);
    c.in[0].stride[0] = 2;
    refused(bed, &c, "an input of stride 2", BAD, NO);
    simple(&c);
    c.out[0].stride[0] = 0;
    refused(bed, &c, "an output of stride 0", BAD, NO);
    simple(&c);
    c.in[0].rank = 7;
    refused(bed, &c, "a tensor of rank 7", BAD, NO);
    simple(&c);
    c.in[0].rank = 2;
    refused(bed, &c, "an input of another rank than the index space", BAD, BAD);
    simple(&c);
    c.in[0].dim[0] = c.in[1].dim[0] = c.out[0].dim[0] = -1;
    refused(bed, &c, "a negative extent", BAD, BAD);
    simple(&c);
    c.in[0].dim[0] = c.in[1].dim[0] = c.out[0].dim[0] = INT64_MAX;
    refused(bed, &c, "an extent of which the bytes overflow", BAD, NO);
    simple(&c);
    c.op.n_out = 0;
    refused(bed, &c, "an op without an output", BAD, BAD);
}

/* An op that is legal, with operands of so many elements, and what is not in place of p[at]. */
static const struct {
    uint32_t kind;
    int64_t p[14], n[3]; /* first and second input, output; -1: none */
    int at;
    int64_t bad;
} bad_list[] = {{RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 0, 7},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 1, 71},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 1, -1},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 2, -1},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 3, 2},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 19, 1},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 20, -1},
                {RK_COPY, {1, 70, 1, 1}, {70, -1, 70}, 19, INT64_MAX},
                {RK_REDUCE, {0, 7, 5, 2}, {70, -1, 14}, 0, 3},
                {RK_REDUCE, {0, 7, 5, 2}, {70, -1, 14}, 1, 8},
                {RK_REDUCE, {0, 7, 5, 2}, {70, -1, 14}, 2, -5},
                {RK_REDUCE, {0, 7, 5, 2}, {70, -1, 14}, 3, 3},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 0, 2},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 1, 8},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 2, -5},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 3, 11},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 4, 2},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, {70, 50, 35}, 5, -1},
                {RK_TAKE, {10, 7, 5}, {70, 5, 35}, 0, 11},
                {RK_TAKE, {10, 7, 5}, {70, 5, 35}, 1, 8},
                {RK_TAKE, {10, 7, 5}, {70, 5, 35}, 2, 6},
                {RK_PUT, {10, 7, 5}, {35, 5, 70}, 0, 11},
                {RK_PUT, {10, 7, 5}, {35, 5, 70}, 2, -5},
                {RK_RNG, {5}, {3, -1, 70}, 0, -1},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 0, 3},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 2, 3},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 5, -5},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 8, 0},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 10, -1},
                {RK_CONV, {0, 1, 2, 3, 4, 5, 3, 3, 1, 1, 1, 1, 3, 4}, {24, 90, 60}, 13, 5},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 0, 5},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 2, 6},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 4, -2},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 7, 0},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 9, -1},
                {RK_WINDOW, {0, 2, 5, 5, 2, 2, 1, 1, 0, 0, 4, 4}, {50, -1, 32}, 11, 5}};

static uint32_t second_dtype(uint32_t kind)
{
    return kind == RK_MATMUL || kind == RK_CONV ? RK_F32 : RK_U32;
}

/* The shapes that the header gives; MATMUL, COPY and RNG know none. */
static void add_operands(rk_sample *c, uint32_t kind, const int64_t *p, const int64_t *n)
{
    const int64_t shape[][4] = {{p[1], p[2], p[3], p[4]},
                                {p[5], p[2], p[6], p[7]},
                                {p[1], p[5], p[12], p[13]},
                                {p[1], p[10], p[11]},
                                {p[1], 1, p[3]},
                                {p[0], p[1]},
                                {p[2], p[1]}};
    uint32_t dtype = kind == RK_RNG ? RK_U32 : RK_F32, rank = 1;
    const int64_t *in = &n[0], *second = &n[1], *out = &n[2];
    if (kind == RK_CONV) rank = 4, in = shape[0], second = shape[1], out = shape[2];
    if (kind == RK_WINDOW) rank = 3, in = shape[0], out = shape[3];
    if (kind == RK_REDUCE) rank = 3, in = shape[0], out = shape[4];
    if (kind == RK_TAKE) rank = 2, in = shape[5], out = shape[6];
    if (kind == RK_PUT) rank = 2, in = shape[6], out = shape[5];
    rk_sample_in(c, dtype, rank, in, 0);
    if (n[1] >= 0) rk_sample_in(c, second_dtype(kind), kind == RK_CONV ? 4 : 1, second, 0);
    rk_sample_out(c, dtype, rank, out);
}

/* A legal op of the kind, then one p[] changed to what does not fit. */
static void bad_parameter(rk_bed *bed, size_t i)
{
    uint32_t kind = bad_list[i].kind, data[3][128] = {{0}};
    char what[80], op[200];
    rk_sample c;
    rk_error e = fresh();
    rk_sample_begin(&c, kind);
    add_operands(&c, kind, bad_list[i].p, bad_list[i].n);
    memcpy(c.op.p, bad_list[i].p, sizeof bad_list[i].p);
    rk_sample_print(&c, op, sizeof op);
    rk_status s =
        rk_sample_run(bed, &c, (const void *[]){data[0], data[1]}, (void *[]){data[2]}, -1, &e);
    if (s == RK_E_UNSUPPORTED) return; /* so is whatever is like it */
    if (!RK_BED_CHECK(bed, s == RK_OK, "%s is legal: %s", op, e.text)) return;
    int64_t good = c.op.p[bad_list[i].at];
    c.op.p[bad_list[i].at] = bad_list[i].bad;
    snprintf(what, sizeof what, "%.40s with p[%d] = %lld", op, bad_list[i].at,
             (long long)bad_list[i].bad);
    refused(bed, &c, what, RK_E_INVALID, RK_E_UNSUPPORTED);
    c.op.p[bad_list[i].at] = good;
    c.in[0].dtype = RK_U8;
    snprintf(what, sizeof what, "%.40s of bytes", op);
    if (kind != RK_COPY && kind != RK_TAKE) refused(bed, &c, what, RK_E_INVALID, RK_E_UNSUPPORTED);
    c.in[0].dtype = kind == RK_RNG ? RK_U32 : RK_F32;
    c.in[c.op.n_in++] = c.in[0];
    snprintf(what, sizeof what, "%.40s with an input too many", op);
    refused(bed, &c, what, RK_E_INVALID, RK_E_INVALID);
}

static void bad_parameters(rk_bed *bed)
{
    for (size_t i = 0; i < sizeof bad_list / sizeof *bad_list; i++)
        if (rk_bed_going(bed)) bad_parameter(bed, i);
}

/* Arguments that do not fit the kernel of simple(). */
static void bad_arguments(rk_bed *bed, rk_kernel *kernel, const rk_arg *good)
{
    static const char *const what[] = {
        "an argument too few",        "an argument too many",
        "an argument without memory", "an output that reaches over the end of its memory",
        "an offset near 2^64",        "an offset that is not a multiple of mem_align"};
    uint64_t align = bed->info.mem_align;
    for (int i = 0; i < 6; i++) {
        rk_arg arg[4] = {good[0], good[1], good[2], good[0]};
        rk_error e = fresh();
        if (i == 2) arg[1].mem = NULL;
        if (i == 3) arg[2].offset += align;
        if (i == 4) arg[0].offset = UINT64_MAX - align + 1;
        if (i == 5) arg[0].offset += 1;
        if ((i == 5 && align == 1) || !rk_bed_going(bed)) continue;
        rk_status s = bed->backend->launch(bed->device, kernel, arg,
                                           i == 0   ? 2
                                           : i == 1 ? 4
                                                    : 3,
                                           &e);
        is_refusal(bed, what[i], s, RK_E_INVALID, RK_E_INVALID, &e);
    }
}

static void bad_transfers(rk_bed *bed, rk_mem *mem, uint64_t bytes)
{
    static const struct {
        uint64_t before_end, bytes;
    } list[] = {{1, 2}, {0, 1}, {UINT64_MAX, 1}, {8, UINT64_MAX - 4}};
    unsigned char byte[8] = {0};
    for (int i = 0; i < 4; i++) {
        uint64_t at = bytes - list[i].before_end;
        rk_error e = fresh();
        if (!rk_bed_going(bed)) return;
        rk_status s = bed->backend->write(bed->device, mem, at, byte, list[i].bytes, &e);
        is_refusal(bed, "a write beyond the end of memory", s, RK_E_INVALID, RK_E_INVALID, &e);
        e = fresh();
        s = bed->backend->read(bed->device, mem, at, byte, list[i].bytes, &e);
        is_refusal(bed, "a read beyond the end of memory", s, RK_E_INVALID, RK_E_INVALID, &e);
    }
}

/* One kernel, arguments that do not fit; then it still works. */
static void part_of_tensor(rk_sample *c) /* 3 of 7 channels, from the second on */
{
    static const int64_t p[] = {RK_CONV_Y, 2, 2, 4, 4, 3, 1, 1, 1, 1, 0, 0, 4, 4, 7, 1};
    rk_sample_begin(c, RK_CONV);
    rk_sample_in(c, RK_F32, 4, (const int64_t[]){2, 2, 4, 4}, 0);
    rk_sample_in(c, RK_F32, 4, (const int64_t[]){3, 2, 1, 1}, 0);
    rk_sample_out(c, RK_F32, 4, (const int64_t[]){2, 7, 4, 4});
    memcpy(c->op.p, p, sizeof p);
    c->op.rev = RK_CONV_PART;
}

static void bad_parts(rk_bed *bed)
{
    enum { BAD = RK_E_INVALID, NO = RK_E_UNSUPPORTED };
    static const int64_t numbers[][2] = {{7, 5}, {7, -1}, {2, 0}, {8, 1}, {-7, 1}, {7, INT64_MAX}};
    rk_sample c;
    for (int i = 0; i < 6; i++) {
        part_of_tensor(&c);
        memcpy(c.op.p + 14, numbers[i], sizeof numbers[i]);
        refused(bed, &c, "channels that the tensor does not have", BAD, NO);
    }
    part_of_tensor(&c);
    rk_sample_store(&c, 0, RK_R_IN);
    refused(bed, &c, "a program whose result is a part of a tensor", BAD, NO);
    part_of_tensor(&c);
    c.op.rev = 2;
    refused(bed, &c, "an unknown revision of CONV", NO, NO);
}

static void bad_launches(rk_bed *bed)
{
    const rk_backend *b = bed->backend;
    rk_sample c;
    rk_error e = fresh();
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel = NULL;
    rk_mem *mem = NULL;
    simple(&c);
    rk_op op = rk_sample_op(&c);
    uint64_t step = bed->info.mem_align < 512 ? 512 : bed->info.mem_align, bytes = 2 * step + 280;
    rk_status s = b->prepare(bed->device, &op, &kernel, &info, &e);
    if (s == RK_E_UNSUPPORTED) return;
    if (!RK_BED_CHECK(bed, s == RK_OK, "%s", e.text)) return;
    if (info.workspace == 0 && b->mem_alloc(bed->device, bytes, &mem, &e) == RK_OK) {
        const rk_arg good[3] = {{mem, 0}, {mem, step}, {mem, 2 * step}};
        bad_arguments(bed, kernel, good);
        bad_transfers(bed, mem, bytes);
        if (rk_bed_going(bed)) {
            RK_BED_CHECK(bed, b->launch(bed->device, kernel, good, 3, &e) == RK_OK,
                         "a good launch after bad ones: %s", e.text);
            RK_BED_CHECK(bed, b->sync(bed->device, &e) == RK_OK, "sync after bad calls: %s",
                         e.text);
        }
        b->mem_free(bed->device, mem);
    }
    b->release(bed->device, kernel);
}

static void sizes_of_tables(rk_bed *bed)
{
    rk_sample c;
    struct {
        rk_op op;
        uint64_t more;
    } longer = {.more = 0};
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel = NULL;
    rk_error e = fresh();
    simple(&c);
    longer.op = rk_sample_op(&c);
    longer.op.size = sizeof longer;
    rk_status s = bed->backend->prepare(bed->device, &longer.op, &kernel, &info, &e);
    if (s == RK_E_UNSUPPORTED) return;
    if (RK_BED_CHECK(bed, s == RK_OK, "an op of a later version that uses nothing new: %s", e.text))
        bed->backend->release(bed->device, kernel);
    longer.more = 1;
    s = bed->backend->prepare(bed->device, &longer.op, &kernel, &info, &e);
    if (!RK_BED_CHECK(bed, s != RK_OK,
                      "an op of a later version that uses a new field is accepted"))
        bed->backend->release(bed->device, kernel);
    c.op.size = 40;
    refused(bed, &c, "an op of 40 bytes", RK_E_ABI, RK_E_INVALID);
}

static const rk_case cases[] = {
    {"numbers", "unknown kinds, revisions, flags, instructions, dtypes", unknown_numbers,
     RK_CASE_SERVICE},
    {"programs", "operands and outputs that do not exist, outputs stored twice or never",
     bad_programs, RK_CASE_SERVICE},
    {"tensors", "shapes and strides that do not fit", bad_tensors, RK_CASE_SERVICE},
    {"parameters", "p[] that does not fit the operands, for every kind", bad_parameters,
     RK_CASE_SERVICE},
    {"parts", "CONV of parts that are not in their tensor", bad_parts, RK_CASE_SERVICE},
    {"calls", "wrong argument counts, bad offsets and sizes of launch, write and read",
     bad_launches, RK_CASE_SERVICE},
    {"tables", "ops shorter and longer than this version's", sizes_of_tables, RK_CASE_SERVICE}};
const rk_case_group rk_cases_illegal = {"illegal", cases, sizeof cases / sizeof *cases};
