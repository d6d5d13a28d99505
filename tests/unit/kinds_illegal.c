/* Every illegal call is refused with a reason, and the device works afterwards. */
#include "kinds.h"
#include <string.h>

static rk_error fresh(void) { return (rk_error){.size = sizeof(rk_error)}; }

/* prepare answers one of two codes (the second may equal the first), and a text. */
static void refused(harness *h, const harness_case *c, rk_status code, rk_status other)
{
    rk_error e = fresh();
    rk_op op = c->op;
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel = NULL;
    op.in = c->in;
    op.out = c->out;
    op.code = c->code;
    op.imm = c->imm;
    rk_status s = h->backend->prepare(h->device, &op, &kernel, &info, &e);
    if (s == RK_OK) h->backend->release(h->device, kernel);
    if (s != code && s != other) fail_msg("status %d, not %d: %s", (int)s, (int)code, e.text);
    assert_int_equal(e.code, s);
    assert_true(strlen(e.text) > 0);
}

static void simple(harness_case *c) /* out = in0 + in1, 70 elements */
{
    int64_t n = 70;
    case_begin(c, RK_EWISE);
    uint16_t a = case_in(c, RK_F32, 1, &n, 0), b = case_in(c, RK_F32, 1, &n, 0);
    case_out(c, RK_F32, 1, &n);
    case_imm(c, 1);
    case_store(c, 0, case_ins(c, RK_I_FADD, a, b, 0));
}

static void unknown_numbers(void **state)
{
    harness *h = *state;
    harness_case c;
    static const uint32_t kinds[] = {0, 10, 1000, 0xFFFFFFFFu};
    for (int i = 0; i < 4; i++) {
        simple(&c);
        c.op.kind = kinds[i];
        refused(h, &c, RK_E_UNSUPPORTED, RK_E_UNSUPPORTED);
    }
    simple(&c);
    c.op.rev = 1;
    refused(h, &c, RK_E_UNSUPPORTED, RK_E_UNSUPPORTED);
    simple(&c);
    c.op.flags = 2;
    refused(h, &c, RK_E_UNSUPPORTED, RK_E_UNSUPPORTED);
    static const uint16_t ops[] = {0, 15, 31, 41, 63, 67, 95, 98, 0xFFFF};
    for (int i = 0; i < 9; i++) {
        simple(&c);
        c.code[0].op = ops[i];
        refused(h, &c, RK_E_UNSUPPORTED, RK_E_UNSUPPORTED);
    }
    static const uint32_t dtypes[] = {0, 2, 5};
    for (int i = 0; i < 3; i++) {
        simple(&c);
        c.in[1].dtype = dtypes[i];
        refused(h, &c, RK_E_UNSUPPORTED, RK_E_INVALID);
        simple(&c);
        c.out[0].dtype = dtypes[i];
        refused(h, &c, RK_E_UNSUPPORTED, RK_E_INVALID);
    }
}

static void bad_programs(void **state)
{
    harness *h = *state;
    harness_case c;
    static const uint16_t operands[] = {RK_R_IN + 2,    RK_R_INS + 0, RK_R_INS + 1, RK_R_IMM + 1,
                                        RK_R_INDEX + 1, RK_R_FOLD,    0x5000,       0xF000};
    for (int i = 0; i < 8; i++) {
        simple(&c);
        c.code[0].b = operands[i];
        refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
    }
    simple(&c);
    c.code[1].a = RK_R_INS + 1; /* a store has no result */
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.code[1].b = 1; /* no such output */
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.op.n_code = 1; /* nothing stored */
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    case_store(&c, 0, RK_R_INS); /* stored twice */
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.op.n_code = 0;
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    case_ins(&c, RK_I_FOLD, RK_R_INS, 0, 0);
    refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
}

static void bad_tensors(void **state)
{
    harness *h = *state;
    harness_case c;
    simple(&c);
    c.in[0].dim[0] = 69;
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.in[0].stride[0] = 2;
    refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
    simple(&c);
    c.out[0].stride[0] = 0;
    refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
    simple(&c);
    c.in[0].rank = 7;
    refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
    simple(&c);
    c.in[0].rank = 2;
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.in[0].dim[0] = c.in[1].dim[0] = c.out[0].dim[0] = -1;
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    simple(&c);
    c.in[0].dim[0] = c.in[1].dim[0] = c.out[0].dim[0] = INT64_MAX;
    refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
    simple(&c);
    c.op.n_out = 0;
    refused(h, &c, RK_E_INVALID, RK_E_INVALID);
}

static const struct {
    uint32_t kind;
    int64_t p[8], n_in0, n_in1, n_out;
    int at;
    int64_t bad;
} bad_list[] = {{RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 0, 7},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 1, 71},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 1, -1},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 2, -1},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 3, 2},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 19, 1},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 20, -1},
                {RK_COPY, {1, 70, 1, 1}, 70, -1, 70, 19, INT64_MAX},
                {RK_REDUCE, {0, 7, 5, 2}, 70, -1, 14, 0, 3},
                {RK_REDUCE, {0, 7, 5, 2}, 70, -1, 14, 1, 8},
                {RK_REDUCE, {0, 7, 5, 2}, 70, -1, 14, 2, -5},
                {RK_REDUCE, {0, 7, 5, 2}, 70, -1, 14, 3, 3},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 0, 2},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 1, 8},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 2, -5},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 3, 11},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 4, 2},
                {RK_MATMUL, {1, 7, 5, 10, 0, 0, 70, 50}, 70, 50, 35, 5, -1},
                {RK_TAKE, {10, 7, 5}, 70, 5, 35, 0, 11},
                {RK_TAKE, {10, 7, 5}, 70, 5, 35, 1, 8},
                {RK_TAKE, {10, 7, 5}, 70, 5, 35, 2, 6},
                {RK_PUT, {10, 7, 5}, 35, 5, 70, 0, 11},
                {RK_PUT, {10, 7, 5}, 35, 5, 70, 2, -5},
                {RK_RNG, {5}, 3, -1, 70, 0, -1}};

/* A legal op of the kind, then one p[] changed to what does not fit. */
static void bad_parameters(void **state)
{
    harness *h = *state;
    for (size_t i = 0; i < sizeof bad_list / sizeof *bad_list; i++) {
        harness_case c;
        uint32_t kind = bad_list[i].kind;
        case_begin(&c, kind);
        case_in(&c, kind == RK_RNG ? RK_U32 : RK_F32, 1, &bad_list[i].n_in0, 0);
        if (bad_list[i].n_in1 >= 0)
            case_in(&c, kind == RK_MATMUL ? RK_F32 : RK_U32, 1, &bad_list[i].n_in1, 0);
        case_out(&c, kind == RK_RNG ? RK_U32 : RK_F32, 1, &bad_list[i].n_out);
        memcpy(c.op.p, bad_list[i].p, sizeof bad_list[i].p);
        rk_error e = fresh();
        uint32_t data[5][80] = {{0}};
        rk_status s =
            harness_run(h, &c, (const void *[]){data[0], data[1]}, (void *[]){data[2]}, -1, &e);
        if (s != RK_OK) fail_msg("case %zu is legal: %s", i, e.text);
        c.op.p[bad_list[i].at] = bad_list[i].bad;
        refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
        c.op.p[bad_list[i].at] = bad_list[i].p[bad_list[i].at < 8 ? bad_list[i].at : 7];
        c.in[0].dtype = RK_U8;
        if (kind != RK_COPY && kind != RK_TAKE) refused(h, &c, RK_E_INVALID, RK_E_UNSUPPORTED);
        c.in[0].dtype = kind == RK_RNG ? RK_U32 : RK_F32;
        c.op.n_in++;
        c.in[c.op.n_in - 1] = c.in[0];
        refused(h, &c, RK_E_INVALID, RK_E_INVALID);
    }
}

/* One kernel, arguments that do not fit. */
static void bad_launches(void **state)
{
    harness *h = *state;
    const rk_backend *b = h->backend;
    harness_case c;
    rk_error e = fresh();
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel;
    rk_mem *mem;
    simple(&c);
    c.op.in = c.in, c.op.out = c.out, c.op.code = c.code, c.op.imm = c.imm;
    assert_int_equal(b->prepare(h->device, &c.op, &kernel, &info, &e), RK_OK);
    assert_int_equal(info.workspace, 0);
    uint64_t step = h->info.mem_align < 512 ? 512 : h->info.mem_align;
    assert_int_equal(b->mem_alloc(h->device, 2 * step + 280, &mem, &e), RK_OK);
    const rk_arg good[3] = {{mem, 0}, {mem, step}, {mem, 2 * step}};
    for (int i = 0; i < 6; i++) {
        rk_arg arg[4];
        uint32_t n = 3;
        memcpy(arg, good, sizeof good);
        arg[3] = good[0];
        e = fresh();
        if (i == 0) n = 2;
        if (i == 1) n = 4;
        if (i == 2) arg[1].mem = NULL;
        if (i == 3) arg[2].offset += h->info.mem_align; /* does not fit any more */
        if (i == 4) arg[0].offset = UINT64_MAX - h->info.mem_align + 1;
        if (i == 5) {
            if (h->info.mem_align == 1) continue;
            arg[0].offset += 1;
        }
        rk_status s = b->launch(h->device, kernel, arg, n, &e);
        if (s != RK_E_INVALID) fail_msg("launch %d: status %d", i, (int)s);
        assert_true(strlen(e.text) > 0);
    }
    unsigned char byte[8];
    assert_int_equal(b->write(h->device, mem, 2 * step + 279, byte, 2, &e), RK_E_INVALID);
    assert_int_equal(b->read(h->device, mem, UINT64_MAX, byte, 2, &e), RK_E_INVALID);
    assert_int_equal(b->launch(h->device, kernel, good, 3, &e), RK_OK);
    assert_int_equal(b->sync(h->device, &e), RK_OK);
    b->release(h->device, kernel);
    b->mem_free(h->device, mem);
}

static void sizes_of_tables(void **state)
{
    harness *h = *state;
    harness_case c;
    struct {
        rk_op op;
        uint64_t more;
    } longer;
    rk_kinfo info = {.size = sizeof info};
    rk_kernel *kernel;
    rk_error e = fresh();
    simple(&c);
    memset(&longer, 0, sizeof longer);
    longer.op = c.op;
    longer.op.size = sizeof longer;
    longer.op.in = c.in, longer.op.out = c.out, longer.op.code = c.code, longer.op.imm = c.imm;
    assert_int_equal(h->backend->prepare(h->device, &longer.op, &kernel, &info, &e), RK_OK);
    h->backend->release(h->device, kernel);
    longer.more = 1;
    assert_int_not_equal(h->backend->prepare(h->device, &longer.op, &kernel, &info, &e), RK_OK);
    c.op.size = 40;
    refused(h, &c, RK_E_ABI, RK_E_INVALID);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(unknown_numbers), cmocka_unit_test(bad_programs),
    cmocka_unit_test(bad_tensors),     cmocka_unit_test(bad_parameters),
    cmocka_unit_test(bad_launches),    cmocka_unit_test(sizes_of_tables)};
const kinds_group kinds_illegal = {"illegal calls", tests, sizeof tests / sizeof *tests};
