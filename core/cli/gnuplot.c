/* gnuplot as a filter.  Files without names carry its input and output, so that neither side waits
 * for the other and nothing is left behind. */
#include "cli/report.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static rk_status spawn(int in, int out, int complaints, pid_t *pid, rk_error *e)
{
    static char name[] = "gnuplot", quiet[] = "-d"; /* -d: without the user's own settings */
    char *argv[] = {name, quiet, NULL};
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        code = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
        if (code == 0) code = posix_spawnp(pid, name, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (code == 0) return RK_OK;
    if (code == ENOENT)
        return RK_FAIL(e, RK_E_IO,
                       "gnuplot draws the curves and is not there: "
                       "apt-get install gnuplot-nox");
    return RK_FAIL(e, RK_E_IO, "gnuplot could not be started: %s", strerror(code));
}

/* The last line that gnuplot complained about, without what leads it in. */
static void last_line(FILE *f, char *out, size_t cap)
{
    char line[256];
    out[0] = '\0';
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        const char *start = line + strspn(line, " \t^\n");
        if (*start) snprintf(out, cap, ": %.*s", (int)strcspn(start, "\n"), start);
    }
}

static rk_status wait_for(pid_t pid, FILE *complaints, rk_error *e)
{
    char why[280];
    int code;
    while (waitpid(pid, &code, 0) < 0)
        if (errno != EINTR) return RK_FAIL(e, RK_E_IO, "gnuplot was lost: %s", strerror(errno));
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0) return RK_OK;
    last_line(complaints, why, sizeof why);
    return RK_FAIL(e, WIFEXITED(code) ? RK_E_UNSUPPORTED : RK_E_IO, "gnuplot failed with %s %d%s",
                   WIFEXITED(code) ? "exit status" : "signal",
                   WIFEXITED(code) ? WEXITSTATUS(code) : WTERMSIG(code), why);
}

static rk_status read_all(FILE *f, char **out, rk_error *e)
{
    long bytes = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (bytes < 0) return RK_FAIL(e, RK_E_IO, "gnuplot's output: %s", strerror(errno));
    char *text = malloc((size_t)bytes + 1);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure of %ld bytes", bytes);
    rewind(f);
    size_t n = fread(text, 1, (size_t)bytes, f);
    text[n] = '\0';
    *out = text;
    return n == (size_t)bytes
               ? RK_OK
               : RK_FAIL(e, RK_E_IO, "gnuplot's output: %zu of %ld bytes were read", n, bytes);
}

/* gnuplot exits with 0 although it could not write: its last words tell. */
static rk_status check_whole(const char *svg, rk_error *e)
{
    static const char last[] = "</svg>";
    size_t n = strlen(svg), end = sizeof last - 1;
    while (n && strchr(" \r\n", svg[n - 1])) n--;
    if (n >= end && strncmp(svg + n - end, last, end) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_IO,
                   "gnuplot wrote %zu bytes, which end before the picture does: is there room for "
                   "temporary files in " P_tmpdir "?",
                   strlen(svg));
}

static bool fill(FILE *f, const char *script, size_t bytes)
{
    return fwrite(script, 1, bytes, f) == bytes && fflush(f) == 0 &&
           lseek(fileno(f), 0, SEEK_SET) == 0;
}

rk_status rk_gnuplot(const char *script, size_t bytes, char **out, rk_error *e)
{
    FILE *in = tmpfile(), *svg = tmpfile(), *complaints = tmpfile();
    pid_t pid;
    rk_status status = RK_OK;
    *out = NULL;
    if (!in || !svg || !complaints || !fill(in, script, bytes))
        status = RK_FAIL(e, RK_E_IO, "no temporary file for gnuplot: %s", strerror(errno));
    if (status == RK_OK) status = spawn(fileno(in), fileno(svg), fileno(complaints), &pid, e);
    if (status == RK_OK) status = wait_for(pid, complaints, e);
    if (status == RK_OK) status = read_all(svg, out, e);
    if (status == RK_OK) status = check_whole(*out, e);
    if (status != RK_OK) {
        free(*out);
        *out = NULL;
    }
    if (in) fclose(in);
    if (svg) fclose(svg);
    if (complaints) fclose(complaints);
    return status;
}
