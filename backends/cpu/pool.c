/* The threads of a device.
 *
 * A job is a number of shares.  The caller and the workers claim them one by one, so a worker that
 * the operating system keeps from running delays nothing: the caller does its share too.  (A team
 * that must meet at a barrier, as OpenMP's, waits for every member, and on a busy machine that is a
 * time slice for each of the many small kernels of a training step.)
 *
 * One atomic word, the ticket, holds a job's number, its shares and the next one to be claimed.
 * The caller posts the next job only when every share of the last is done; so while a share can
 * still be claimed, body and context are that job's. */
#include "cpu.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum {
    SPINS = 1000, /* looks before a worker sleeps: some ten microseconds */
    FEW = 8       /* workers that are kept apart from the caller: a system call for each */
};

struct cpu_pool {
    const rk_host *host;
    _Atomic uint64_t ticket; /* job << 32 | shares << 16 | next share */
    _Atomic(cpu_body *) body;
    _Atomic(void *) context;
    _Atomic int done, sleeping, stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int workers, apart_from; /* a processor, or -1 */
#ifdef __linux__
    cpu_set_t allowed;
#endif
    pthread_t worker[];
};

static void rest(void)
{
#ifdef CPU_X86
    __builtin_ia32_pause();
#else
    sched_yield();
#endif
}

/* Claims and does shares until none is left. */
static void help(cpu_pool *p)
{
    uint64_t ticket = atomic_load(&p->ticket);
    for (;;) {
        int next = (int)(ticket & 0xFFFF), shares = (int)(ticket >> 16 & 0xFFFF);
        if (next >= shares) return;
        cpu_body *body = atomic_load(&p->body);
        void *context = atomic_load(&p->context);
        if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket + 1)) continue;
        body(context, next, shares);
        atomic_fetch_add(&p->done, 1);
        ticket = atomic_load(&p->ticket);
    }
}

/* A job later than the one seen, or the end. */
static int is_called(cpu_pool *p, uint64_t seen)
{
    return atomic_load(&p->ticket) >> 32 != seen || atomic_load(&p->stop);
}

static void wait_for_call(cpu_pool *p, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (is_called(p, seen)) return;
        rest();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleeping, 1); /* before the look: a caller that posts now will wake us */
    while (!is_called(p, seen)) pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *work(void *pool)
{
    cpu_pool *p = pool;
    while (!atomic_load(&p->stop)) {
        uint64_t seen = atomic_load(&p->ticket) >> 32;
        help(p);
        wait_for_call(p, seen);
    }
    return NULL;
}

/* A virtual machine's scheduler may wake a worker on the caller's processor, though another one is
 * idle, so as not to wake that one, too.  There it would wait until the caller has done its share.
 * So sleepers get up on any other one; the caller is free to go anywhere. */
#ifdef __linux__
static void keep_apart(cpu_pool *p)
{
    const int here = sched_getcpu();
    const size_t cpu = (size_t)here;
    if (here < 0 || here == p->apart_from || p->workers > FEW ||
        p->workers >= CPU_COUNT(&p->allowed) || !CPU_ISSET(cpu, &p->allowed))
        return;
    cpu_set_t others = p->allowed;
    CPU_CLR(cpu, &others);
    for (int i = 0; i < p->workers; i++)
        pthread_setaffinity_np(p->worker[i], sizeof others, &others);
    p->apart_from = here;
}
#else
static void keep_apart(cpu_pool *p) { (void)p; }
#endif

static void wake_all(cpu_pool *p)
{
    if (!atomic_load(&p->sleeping)) return;
    keep_apart(p);
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

cpu_pool *cpu_pool_new(const rk_host *host, int threads)
{
    size_t bytes = sizeof(cpu_pool) + (size_t)threads * sizeof(pthread_t);
    cpu_pool *p = host->alloc(host->ctx, NULL, bytes);
    if (!p) return NULL;
    memset(p, 0, bytes);
    p->host = host;
    p->apart_from = -1;
#ifdef __linux__
    sched_getaffinity(0, sizeof p->allowed, &p->allowed); /* if it fails, none: all stay anywhere */
#endif
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    /* A thread that cannot be had is not missed: whoever is there claims its shares. */
    while (p->workers < threads - 1 && pthread_create(&p->worker[p->workers], NULL, work, p) == 0)
        p->workers++;
    return p;
}

void cpu_pool_free(cpu_pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, 1);
    wake_all(p);
    for (int i = 0; i < p->workers; i++) pthread_join(p->worker[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    p->host->alloc(p->host->ctx, p, 0);
}

void cpu_parallel(const rk_device *d, int threads, cpu_body *body, void *context)
{
    cpu_pool *p = d->pool;
    if (threads <= 1) {
        body(context, 0, 1);
        return;
    }
    atomic_store(&p->body, body);
    atomic_store(&p->context, context);
    atomic_store(&p->done, 0);
    uint64_t job = (atomic_load(&p->ticket) >> 32) + 1;
    atomic_store(&p->ticket, job << 32 | (uint64_t)threads << 16);
    wake_all(p);
    help(p);
    for (int i = 0; atomic_load(&p->done) != threads; i++) {
        if (i < SPINS)
            rest();
        else
            sched_yield();
    }
}

/* Calling a thread costs a microsecond or a few, so that each should get some more than that. */
int cpu_threads_for(const rk_device *device, double nanoseconds)
{
    double most = nanoseconds / 4000.0;
    if (most >= (double)device->threads) return device->threads;
    return most < 2.0 ? 1 : (int)most;
}

int cpu_threads_of(const rk_kernel *k, double nanoseconds)
{
    return k->choice.threads ? k->choice.threads : cpu_threads_for(k->device, nanoseconds);
}

void cpu_share(int64_t n, int64_t step, int t, int threads, int64_t *from, int64_t *end)
{
    int64_t units = (n + step - 1) / step;
    *from = units / threads * t + units % threads * t / threads;
    *end = units / threads * (t + 1) + units % threads * (t + 1) / threads;
    *from = *from * step < n ? *from * step : n;
    *end = *end * step < n ? *end * step : n;
}
