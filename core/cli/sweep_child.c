/* Starting a task in a process of its own. */
#include "base/os.h"
#include "cli/sweep.h"
#include "train/config.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* Numbers of descriptors that a child's own do not reach. */
enum { FD_HIGH = 16 };

static json_t *strings(const char *const *list, uint32_t n)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(out, json_string(list[i]));
    return out;
}

/* What the child is to do; NULL without memory. */
static char *order(const rk_sweep_common *c, const rk_task *t)
{
    const rk_run_arguments *run = &c->a->run;
    rk_config config = t->config;
    config.device = t->device[0];
    char *text = rk_config_write(&config), *out = NULL;
    const char *threads = t->threads ? t->threads : c->threads;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:o}", "results", c->results, "config",
        text ? text : "", "threads", threads, "isa", t->isa ? t->isa : "", "resume",
        (json_int_t)(t->state == RK_TASK_RESUME ? t->run : 0), "number", (json_int_t)t->keep,
        "parent", (json_int_t)getpid(), "verbose", (int)run->verbose, "backends",
        strings(c->backends, c->n_backends), "plugins", strings(run->plugins, run->n_plugins));
    if (root && text) out = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    free(text);
    return out;
}

/* A file without a name that holds the text. */
static int text_file(const char *text)
{
    size_t left = strlen(text);
    int fd = memfd_create("rethink sweep", MFD_CLOEXEC);
    while (fd >= 0 && left) {
        ssize_t n = write(fd, text, left);
        if (n < 0) {
            close(fd);
            return -1;
        }
        text += n;
        left -= (size_t)n;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0) return fd;
    return -1;
}

/* A pipe whose ends are high and not the child's; [0] is for reading and does not wait. */
static bool high_pipe(int end[2])
{
    int low[2];
    end[0] = end[1] = -1;
    if (pipe2(low, O_CLOEXEC) != 0) return false;
    for (int i = 0; i < 2; i++) {
        end[i] = fcntl(low[i], F_DUPFD_CLOEXEC, FD_HIGH);
        close(low[i]);
    }
    return end[0] >= 0 && end[1] >= 0 && fcntl(end[0], F_SETFL, O_NONBLOCK) == 0;
}

static void close_all(const int *fd, int n)
{
    for (int i = 0; i < n; i++)
        if (fd[i] >= 0) close(fd[i]);
}

/* posix_spawn: its child does nothing of its own between fork and exec, however many threads the
 * drivers in this process have. */
static int spawn(pid_t *pid, int order_fd, int notes, int text, int lock)
{
    char *const argv[] = {"rethink", "sweep", "--worker", NULL};
    posix_spawn_file_actions_t acts;
    int code = posix_spawn_file_actions_init(&acts);
    if (code) return code;
    const int from[] = {order_fd, text, text, notes, lock};
    const int to[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, RK_FD_NOTES, RK_FD_LOCK};
    for (int i = 0; i < 5 && !code; i++)
        code = posix_spawn_file_actions_adddup2(&acts, from[i], to[i]);
    if (!code) code = posix_spawn(pid, "/proc/self/exe", &acts, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    return code;
}

rk_status rk_sweep_spawn(const rk_sweep_common *c, rk_task *t, rk_sweep_child *out, rk_error *e)
{
    /* The order, and for each pipe the end that is read and the one that is the child's. */
    int fd[5] = {-1, -1, -1, -1, -1};
    char *text = order(c, t);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to start a run");
    int low = text_file(text), code = errno;
    free(text);
    if (low >= 0) fd[0] = fcntl(low, F_DUPFD_CLOEXEC, FD_HIGH);
    if (low >= 0) close(low);
    bool good = fd[0] >= 0 && high_pipe(&fd[1]) && high_pipe(&fd[3]);
    if (!good) code = errno;
    memset(out, 0, sizeof *out);
    if (good) code = spawn(&out->pid, fd[0], fd[2], fd[4], c->lock);
    good = good && code == 0;
    close_all(fd, good ? 1 : 5);
    if (!good) return RK_FAIL(e, RK_E_IO, "a process could not be started: %s", strerror(code));
    close(fd[2]);
    close(fd[4]);
    out->task = t;
    out->notes = fd[1];
    out->text = fd[3];
    out->start_ns = (double)rk_os_now_ns();
    t->resumed = t->state == RK_TASK_RESUME;
    t->state = RK_TASK_RUNNING;
    return RK_OK;
}
