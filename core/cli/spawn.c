#include "cli/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Numbers of descriptors that a child's own do not reach. */
enum { FD_HIGH = 16 };

/* A file without a name that holds the text. */
static int text_file(const char *text)
{
    size_t left = strlen(text);
    int fd = memfd_create("rethink worker", MFD_CLOEXEC);
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
static int start(pid_t *pid, const char *command, int order_fd, int notes, int text, int lock)
{
    char name[32];
    char program[] = "rethink", worker[] = "--worker";
    snprintf(name, sizeof name, "%s", command);
    char *const argv[] = {program, name, worker, NULL};
    posix_spawn_file_actions_t acts;
    int code = posix_spawn_file_actions_init(&acts);
    if (code) return code;
    const int from[] = {order_fd, text, text, notes, lock};
    const int to[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, RK_FD_NOTES, RK_FD_LOCK};
    for (int i = 0; i < 5 && !code; i++)
        if (from[i] >= 0) code = posix_spawn_file_actions_adddup2(&acts, from[i], to[i]);
    if (!code) code = posix_spawn(pid, "/proc/self/exe", &acts, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    return code;
}

rk_status rk_spawn(const char *command, const char *order, int lock, rk_spawned *out, rk_error *e)
{
    /* The order, and for each pipe the end that is read and the one that is the child's. */
    int fd[5] = {-1, -1, -1, -1, -1};
    int low = text_file(order), code = errno;
    if (low >= 0) fd[0] = fcntl(low, F_DUPFD_CLOEXEC, FD_HIGH);
    if (low >= 0) close(low);
    bool good = fd[0] >= 0 && high_pipe(&fd[1]) && high_pipe(&fd[3]);
    if (!good) code = errno;
    *out = (rk_spawned){.notes = -1, .text = -1};
    if (good) code = start(&out->pid, command, fd[0], fd[2], fd[4], lock);
    good = good && code == 0;
    close_all(fd, good ? 1 : 5);
    if (!good) return RK_FAIL(e, RK_E_IO, "a process could not be started: %s", strerror(code));
    close(fd[2]);
    close(fd[4]);
    out->notes = fd[1];
    out->text = fd[3];
    return RK_OK;
}

void rk_spawn_how(int status, char *how, size_t cap)
{
    bool signalled = WIFSIGNALED(status);
    snprintf(how, cap, "ended with status %d", WEXITSTATUS(status));
    if (signalled) snprintf(how, cap, "crashed: %s", strsignal(WTERMSIG(status)));
    if (signalled && WTERMSIG(status) == SIGKILL)
        snprintf(how, cap, "was killed, perhaps for lack of memory");
}

rk_status rk_spawn_tie(int64_t parent, const char *whose, rk_error *e)
{
    for (int fd = RK_FD_NOTES; fd <= RK_FD_LOCK; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != (pid_t)parent)
        return RK_FAIL(e, RK_E_STOPPED, "the %s has ended", whose);
    return RK_OK;
}

json_t *rk_spawn_list(const char *const *list, uint32_t n)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(out, json_string(list[i]));
    return out;
}

const char **rk_spawn_texts(const json_t *list, uint32_t *n)
{
    const char **out = calloc(json_array_size(list) + 1, sizeof *out);
    *n = 0;
    for (size_t i = 0; out && i < json_array_size(list); i++)
        out[(*n)++] = json_string_value(json_array_get(list, i));
    return out;
}
