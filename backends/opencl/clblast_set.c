/* Sets of CLBlast's parameters: what a tuner may choose, and how they are made a device's. */
#include "clblast.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SINGLE = 32, DEVICES = 16 };

/* Tiles of a work-group, m x n x k; its work-items; vectors; 1: tiles pass through local memory.
 * k is 0 for the kernel that takes matrices as they are, whose tiles are squares. */
typedef struct blast_set {
    uint32_t m, n, k, dim_m, dim_n, vec_m, vec_n, local, for_cpu;
} blast_set;

/* Set number i is sets[i - 1].  Of each sort of devices, those that promise most first: what is
 * usual among the sets that CLBlast's authors found on GPUs, and wide vectors for CPUs. */
static const blast_set sets[OCL_BLAST_SETS] = {
    {64, 64, 32, 8, 8, 4, 4, 1, 0},  {128, 128, 16, 16, 16, 4, 4, 1, 0},
    {32, 32, 0, 8, 8, 2, 2, 1, 0},   {128, 64, 16, 16, 8, 4, 4, 1, 0},
    {64, 64, 32, 8, 8, 4, 4, 0, 0},  {32, 32, 32, 8, 8, 4, 4, 1, 0},
    {64, 64, 0, 16, 16, 4, 4, 1, 0}, {64, 64, 32, 8, 8, 8, 8, 0, 1},
    {8, 24, 16, 1, 1, 8, 8, 0, 1},   {32, 32, 0, 4, 4, 8, 8, 1, 1}};

/* The instance for sets, and which one is current on a device: like CLBlast's own caches, of the
 * process. */
static struct {
    void *so;
    cl_device_id device[DEVICES];
    uint32_t set[DEVICES];
} now;

/* ---- the library ---- */

/* The version is in the name of the file behind libclblast.so.1. */
static void find_version(blast_library *b)
{
    Dl_info where;
    char path[4096];
    snprintf(b->version, sizeof b->version, "?");
    if (!dladdr((void *)(uintptr_t)b->sgemm, &where) || !where.dli_fname) return;
    ssize_t n = readlink(where.dli_fname, path, sizeof path - 1);
    if (n < 0) snprintf(path, sizeof path, "%s", where.dli_fname);
    if (n >= 0) path[n] = 0;
    const char *v = strstr(path, ".so.");
    if (v) snprintf(b->version, sizeof b->version, "%.31s", v + 4);
}

/* A namespace of the linker's for itself: copies in one would share the caches all the same. */
static void *open_own(void)
{
    if (!now.so) now.so = dlmopen(LM_ID_NEWLM, "libclblast.so.1", RTLD_NOW | RTLD_NODELETE);
    return now.so;
}

int ocl_blast_load(blast_library *b, int own, char why[256])
{
    void *so = own ? open_own() : dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so) {
        snprintf(why, 256, "%s", dlerror());
        return 0;
    }
    *(void **)(&b->sgemm) = dlsym(so, "CLBlastSgemmWithTempBuffer");
    *(void **)(&b->temp_size) = dlsym(so, "CLBlastSGemmTempBufferSize");
    *(void **)(&b->clear) = dlsym(so, "CLBlastClearCache");
    *(void **)(&b->override) = dlsym(so, "CLBlastOverrideParameters");
    if (b->sgemm && b->temp_size && b->clear && (!own || b->override)) {
        find_version(b);
        return 1;
    }
    snprintf(why, 256, "libclblast.so.1 lacks a function; 1.5 or newer is needed");
    return 0;
}

/* ---- what a tuner sees ---- */

/* Why a set cannot be a device's, or NULL. */
static const char *refusal(const blast_set *s, const rk_device *d)
{
    uint32_t k = s->k ? s->k : s->m;
    uint64_t local = (uint64_t)s->local * k * (s->m + s->n + (s->k ? 0 : 2)) * 4;
    if (s->for_cpu != (uint32_t)(d->cpu != 0)) return "it is for another sort of device";
    if (s->dim_m * s->dim_n > d->max_group) return "its work-groups are larger than the device's";
    if (local > d->local_bytes) return "it needs more local memory than the device has";
    return NULL;
}

uint32_t ocl_blast_sets(const rk_device *d, uint32_t set[OCL_BLAST_SETS])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < OCL_BLAST_SETS; i++)
        if (!refusal(&sets[i], d)) set[n++] = i + 1;
    return n;
}

void ocl_blast_set_name(uint32_t set, char name[64])
{
    const blast_set *s = &sets[set - 1];
    if (s->k)
        snprintf(name, 64, "clblast MWG=%u NWG=%u KWG=%u DIM=%ux%u VW=%ux%u LOCAL=%u", s->m, s->n,
                 s->k, s->dim_m, s->dim_n, s->vec_m, s->vec_n, s->local);
    else
        snprintf(name, 64, "clblast WGD=%u DIM=%ux%u VW=%ux%u", s->m, s->dim_m, s->dim_n, s->vec_m,
                 s->vec_n);
}

/* ---- the parameters of a device ---- */

typedef struct list {
    const char *name[16];
    size_t value[16], n;
} list;

static void add(list *l, const char *name, size_t value)
{
    l->name[l->n] = name;
    l->value[l->n++] = value;
}

static void fill(const blast_set *s, list *l)
{
    const char *const with_k[] = {"MDIMC", "MDIMA", "NDIMC", "NDIMB", "VWM", "VWN"};
    const char *const direct[] = {"MDIMCD", "MDIMAD", "NDIMCD", "NDIMBD", "VWMD", "VWND"};
    const size_t value[] = {s->dim_m, s->dim_m, s->dim_n, s->dim_n, s->vec_m, s->vec_n};
    for (int i = 0; i < 6; i++) add(l, (s->k ? with_k : direct)[i], value[i]);
    if (!s->k) {
        add(l, "WGD", s->m);
        add(l, "KWID", 2);
        add(l, "PADA", 1);
        add(l, "PADB", 1);
        return;
    }
    add(l, "MWG", s->m);
    add(l, "NWG", s->n);
    add(l, "KWG", s->k);
    add(l, "KWI", 2);
    add(l, "SA", s->local);
    add(l, "SB", s->local);
    add(l, "STRM", 0);
    add(l, "STRN", 0);
    add(l, "GEMMK", 0);
    add(l, "KREG", 1);
}

/* The device's place in the table, or a free one; DEVICES: it is full. */
static uint32_t place_of(const rk_device *d)
{
    uint32_t i = 0;
    while (i < DEVICES && now.device[i] && now.device[i] != d->id) i++;
    return i;
}

int ocl_blast_use(const blast_library *b, const rk_device *d, uint32_t set, char why[256])
{
    const blast_set *s = &sets[set - 1];
    const char *all = "XGEMM_MIN_INDIRECT_SIZE", *no = refusal(s, d);
    const size_t from = s->k ? 0 : (size_t)1 << 20; /* which kernel multiplies, for all sizes */
    uint32_t at = place_of(d);
    list l = {.n = 0};
    if (at == DEVICES) no = "there are too many devices";
    if (no) {
        snprintf(why, 256, "CLBlast's parameters: %s", no);
        return 0;
    }
    if (now.device[at] && now.set[at] == set) return 1;
    fill(s, &l);
    now.device[at] = d->id;
    now.set[at] = 0; /* neither one, until both calls were well */
    int code = b->override(d->id, s->k ? "Xgemm" : "XgemmDirect", SINGLE, l.n, l.name, l.value);
    if (!code) code = b->override(d->id, "GemmRoutine", SINGLE, 1, &all, &from);
    if (code) {
        snprintf(why, 256, "CLBlast %s does not take these parameters (%d)", b->version, code);
        return 0;
    }
    now.set[at] = set;
    return 1;
}
