/* Both sides of a process that helps to compile. */
#include "cli/helper.h"
#include "base/os.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "cli/spawn.h"
#include "device/helpers.h"
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SILENT_NS 1e9 /* what takes less is not spoken of */

/* A process with this library may be another program. */
static bool is_rethink(void)
{
    char path[RK_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return false;
    path[n] = '\0';
    const char *name = strrchr(path, '/');
    return name && strcmp(name + 1, "rethink") == 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s, (void)type, (void)at;
    return remove(path);
}

/* PoCL's cache does not stand several processes: a helper has its own, as long as it lives.  Its
 * number names the folder, so that who started it can clear it away if it was killed. */
static bool cache_of(int64_t pid, char folder[RK_PATH_MAX])
{
    char name[48];
    const char *temp = getenv("TMPDIR");
    snprintf(name, sizeof name, "rethink-helper-%lld", (long long)pid);
    return rk_os_join(folder, temp && *temp ? temp : "/tmp", name);
}

static void on_ended(void *ctx, int64_t pid)
{
    char folder[RK_PATH_MAX];
    (void)ctx;
    if (cache_of(pid, folder)) nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool on_start(void *ctx, const char *order, int64_t *pid, int *notes)
{
    rk_spawned s;
    (void)ctx;
    if (!is_rethink() || rk_spawn("compile", order, -1, &s, NULL) != RK_OK) return false;
    close(s.text); /* it prints nothing */
    *pid = s.pid;
    *notes = s.notes;
    return true;
}

static void on_progress(void *ctx, uint32_t step, uint32_t steps, uint32_t compiled)
{
    rk_view *v = ctx;
    rk_str line = {0};
    if (step == 0 || !compiled) v->making_ns = (double)rk_os_now_ns();
    if (!compiled || !rk_live_due(&v->live)) return;
    if ((double)rk_os_now_ns() - v->making_ns < SILENT_NS) return;
    rk_str_add(&line, "compiling: %u of %u kernels are ready, %u programs compiled", step, steps,
               compiled);
    if (!line.failed) rk_live_draw(&v->live, line.s);
    rk_str_free(&line);
}

rk_status rk_helper_use(rk_hub *hub, rk_view *v, rk_error *e)
{
    const rk_help how = {v, on_start, on_ended, v ? on_progress : NULL};
    return rk_hub_help(hub, &how, e);
}

/* Nobody reads what a driver may print here. */
static void silence(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

int rk_helper_work(void)
{
    char folder[RK_PATH_MAX];
    rk_error e = rk_error_new();
    json_error_t why;
    json_t *order = json_loadfd(STDIN_FILENO, 0, &why);
    if (!order) {
        rk_cli_failf("--worker is for the processes of a run alone: %s", why.text);
        return RK_CLI_MISUSE;
    }
    silence();
    rk_signals_catch();
    signal(SIGPIPE, SIG_IGN);
    rk_status status = rk_spawn_tie(rk_help_parent(order), "run", &e);
    bool own = cache_of(getpid(), folder) && mkdir(folder, 0700) == 0 &&
               setenv("POCL_CACHE_DIR", folder, 1) == 0;
    if (status == RK_OK && own) status = rk_help_work(order, RK_FD_NOTES, rk_signals_stopping, &e);
    json_decref(order);
    return status == RK_OK ? 0 : RK_CLI_FAILURE;
}
