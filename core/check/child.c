#include "check/child.h"
#include "base/os.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_child(void (*work)(void *, int), void *ctx, int fd)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none); /* crashes are results here */
    signal(SIGPIPE, SIG_IGN);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* drivers print */
    work(ctx, fd);
    exit(0); /* not _exit: what a driver does when a process ends is its business, and tested */
}

rk_status rk_child_start(rk_child *c, void (*work)(void *ctx, int fd), void *ctx, rk_error *e)
{
    int end[2];
    *c = (rk_child){.pid = -1, .fd = -1};
    if (pipe2(end, O_CLOEXEC) != 0)
        return RK_FAIL(e, RK_E_IO, "no pipe to a process: %s", strerror(errno));
    fflush(NULL);
    c->pid = fork();
    if (c->pid == 0) {
        close(end[0]);
        become_child(work, ctx, end[1]);
    }
    int error = errno;
    close(end[1]);
    c->fd = end[0];
    if (c->pid > 0) return RK_OK;
    close(c->fd);
    return RK_FAIL(e, RK_E_IO, "no process could be started: %s", strerror(error));
}

bool rk_child_send(int fd, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    while (bytes > 0) {
        ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* True if there is something to read.  A child of the child may hold the pipe open, so that its end
 * is looked for, too. */
static bool wait_for_data(rk_child *c, uint64_t deadline)
{
    enum { SLICE_MS = 100 };
    siginfo_t ended;
    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int n = poll(&p, 1, SLICE_MS);
        if (n > 0) return true;
        memset(&ended, 0, sizeof ended);
        if (waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid)
            return poll(&p, 1, 0) > 0;
        c->late = rk_os_now_ns() > deadline;
        if (c->late) return false;
    }
}

bool rk_child_read(rk_child *c, void *out, size_t bytes, double seconds)
{
    unsigned char *p = out;
    uint64_t deadline = rk_os_now_ns() + (uint64_t)(seconds * 1e9);
    while (bytes > 0) {
        if (!wait_for_data(c, deadline)) return false;
        ssize_t n = read(c->fd, p, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

void rk_child_end(rk_child *c, double seconds, char *how, size_t cap)
{
    unsigned char more;
    int status = 0;
    /* It may only close the pipe now; anything it sends is not wanted any more. */
    while (!c->late && rk_child_read(c, &more, 1, seconds)) {
    }
    if (c->late) kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(c->fd);
    how[0] = '\0';
    if (c->late)
        snprintf(how, cap, "hung: nothing for %g seconds", seconds);
    else if (WIFSIGNALED(status))
        snprintf(how, cap, "crashed: %s", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        snprintf(how, cap, "ended the process with status %d", WEXITSTATUS(status));
}
