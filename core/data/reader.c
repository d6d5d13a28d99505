#include "data/reader.h"
#include "base/error.h"
#include "base/os.h"
#include "data/examples.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 4, THREADS_MAX = 64 }; /* DEPTH: batches in memory, one of them being used */

typedef struct slot {
    char *pixels;
    float *shift, *scale;
    rk_status *status;
    rk_error *error;
    int64_t left; /* rows that are not read yet */
} slot;

struct rk_reader {
    const rk_dataset *d;
    size_t bytes; /* of an example */
    slot slot[DEPTH];
    pthread_t thread[THREADS_MAX];
    uint32_t n_threads;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* Under the lock: what is read, and how far it is. */
    bool quit, test;
    const uint32_t *order;
    int64_t n, rows;
    int64_t task;  /* the next place in the order to be read */
    int64_t until; /* places before this one have room */
    int64_t taken; /* the batch that is being used; first - 1 before there is one */
    int64_t busy;  /* threads that are reading */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t rows_of(const rk_reader *r, int64_t batch)
{
    return least(r->rows, r->n - batch * r->rows);
}

static slot *slot_of(rk_reader *r, int64_t batch) { return &r->slot[batch % DEPTH]; }

/* Reads the row of a place in the order. */
static void read_row(rk_reader *r, bool test, uint32_t row, slot *s, int64_t at)
{
    const rk_source *source = &r->d->source;
    const rk_examples *x = test ? &r->d->test.x : &r->d->train.x;
    char *pixels = s->pixels + (size_t)at * r->bytes;
    s->error[at] = rk_error_new();
    s->status[at] = source->read(source->state, test, x->index[row], pixels, &s->error[at]);
    s->shift[at] = s->scale[at] = 0;
    if (s->status[at] == RK_OK)
        rk_example_standardize(r->d, x->dtype, pixels, &s->shift[at], &s->scale[at]);
    else
        memset(pixels, 0, r->bytes);
}

static void *work(void *context)
{
    rk_reader *r = context;
    pthread_mutex_lock(&r->lock);
    while (!r->quit) {
        if (r->task >= r->until) {
            pthread_cond_wait(&r->work, &r->lock);
            continue;
        }
        int64_t task = r->task++;
        slot *s = slot_of(r, task / r->rows);
        uint32_t row = r->order ? r->order[task] : (uint32_t)task;
        int64_t at = task % r->rows;
        bool test = r->test;
        r->busy++;
        pthread_mutex_unlock(&r->lock);
        read_row(r, test, row, s, at);
        pthread_mutex_lock(&r->lock);
        r->busy--;
        if (--s->left == 0 || r->busy == 0) pthread_cond_broadcast(&r->done);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Rows that the last batch does not have. */
static void clear_rest(slot *s, size_t bytes, int64_t rows, int64_t all)
{
    size_t rest = (size_t)(all - rows);
    memset(s->pixels + (size_t)rows * bytes, 0, rest * bytes);
    memset(s->shift + rows, 0, rest * sizeof *s->shift);
    memset(s->scale + rows, 0, rest * sizeof *s->scale);
}

/* Room for batches up to DEPTH - 1 beyond the one in use. */
static void give_room(rk_reader *r)
{
    int64_t batches = (r->n + r->rows - 1) / r->rows, end = least(r->taken + DEPTH, batches);
    for (int64_t b = (r->until + r->rows - 1) / r->rows; b < end; b++)
        slot_of(r, b)->left = rows_of(r, b);
    r->until = least(end * r->rows, r->n);
    pthread_cond_broadcast(&r->work);
}

void rk_reader_start(rk_reader *r, bool test, const uint32_t *order, int64_t n, int64_t rows,
                     int64_t first)
{
    pthread_mutex_lock(&r->lock);
    r->until = r->task; /* nothing new is begun */
    while (r->busy) pthread_cond_wait(&r->done, &r->lock);
    r->test = test;
    r->order = order;
    r->n = n;
    r->rows = rows;
    r->taken = first - 1;
    r->task = r->until = first * rows;
    give_room(r);
    pthread_mutex_unlock(&r->lock);
}

void rk_reader_next(rk_reader *r, rk_reading *out, uint64_t *waited_ns)
{
    uint64_t start = rk_os_now_ns();
    pthread_mutex_lock(&r->lock);
    r->taken++;
    give_room(r);
    slot *s = slot_of(r, r->taken);
    while (s->left) pthread_cond_wait(&r->done, &r->lock);
    clear_rest(s, r->bytes, rows_of(r, r->taken), r->rows);
    *out = (rk_reading){rows_of(r, r->taken), s->pixels, s->shift, s->scale, s->status, s->error};
    pthread_mutex_unlock(&r->lock);
    *waited_ns += rk_os_now_ns() - start;
}

static bool make_slot(slot *s, size_t bytes, int64_t rows)
{
    size_t n = (size_t)rows;
    s->pixels = malloc(n * bytes + 1);
    s->shift = calloc(n, sizeof *s->shift);
    s->scale = calloc(n, sizeof *s->scale);
    s->status = calloc(n, sizeof *s->status);
    s->error = calloc(n, sizeof *s->error);
    return s->pixels && s->shift && s->scale && s->status && s->error;
}

static rk_status start_threads(rk_reader *r, rk_error *e)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (uint32_t)processors;
    while (r->n_threads < n && !pthread_create(&r->thread[r->n_threads], NULL, work, r))
        r->n_threads++;
    if (r->n_threads) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM, "no thread to read data with");
}

rk_status rk_reader_open(const rk_dataset *d, int64_t rows, rk_reader **out, rk_error *e)
{
    rk_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return RK_FAIL(e, RK_E_NOMEM, "no memory to read data");
    r->d = d;
    r->bytes = (size_t)rk_dataset_pixels(d) * (d->train.x.dtype == RK_U8 ? 1 : sizeof(float));
    r->rows = rows;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->done, NULL);
    bool made = true;
    for (int i = 0; i < DEPTH; i++) made = make_slot(&r->slot[i], r->bytes, rows) && made;
    rk_status status = made ? start_threads(r, e)
                            : RK_FAIL(e, RK_E_NOMEM, "no memory for %d batches of %lld examples",
                                      (int)DEPTH, (long long)rows);
    if (status == RK_OK)
        *out = r;
    else
        rk_reader_close(r);
    return status;
}

void rk_reader_close(rk_reader *r)
{
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (uint32_t i = 0; i < r->n_threads; i++) pthread_join(r->thread[i], NULL);
    for (int i = 0; i < DEPTH; i++) {
        free(r->slot[i].pixels);
        free(r->slot[i].shift);
        free(r->slot[i].scale);
        free(r->slot[i].status);
        free(r->slot[i].error);
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->done);
    free(r);
}
