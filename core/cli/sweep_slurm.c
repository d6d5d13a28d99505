/* A sweep as a job script for Slurm: an array whose elements are the same tasks. */
#include "base/text.h"
#include "cli/sweep.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { ELEMENTS_MAX = 1000 /* Slurm's MaxArraySize is 1001 unless a site says otherwise */ };

static bool plain(const char *text)
{
    return text[0] && !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789_./:=,+@%-")];
}

/* A word of the shell that is the text. */
static void add_word(rk_str *out, const char *text)
{
    if (plain(text)) {
        rk_str_add(out, "%s", text);
        return;
    }
    rk_str_add(out, "'");
    for (; *text; text++) rk_str_add(out, *text == '\'' ? "'\\''" : "%c", *text);
    rk_str_add(out, "'");
}

static void add_option(rk_str *out, const char *key, const char *value)
{
    rk_str word = {0};
    rk_str_add(&word, "--%s%s%s", key, value ? "=" : "", value ? value : "");
    rk_str_add(out, " ");
    add_word(out, word.s ? word.s : "");
    out->failed |= word.failed;
    rk_str_free(&word);
}

/* A setting as an option; a switch of a preset's key that is off has no option. */
static void add_setting(rk_str *out, const rk_assignment *a)
{
    size_t n;
    const rk_setting *table = rk_settings_table(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].key, a->key) == 0)
            add_option(out, a->key, table[i].arg ? a->value : NULL);
}

static void add_seeds(rk_str *out, const rk_numbers *seeds)
{
    for (uint32_t i = 0; i < seeds->n;) {
        uint32_t last = i;
        while (last + 1 < seeds->n && seeds->list[last + 1] == seeds->list[last] + 1) last++;
        rk_str_add(out, "%s%lld", i ? "," : " --seeds=", (long long)seeds->list[i]);
        if (last > i) rk_str_add(out, "..%lld", (long long)seeds->list[last]);
        i = last + 1;
    }
}

static bool gives_threads(const rk_run_arguments *run)
{
    for (uint32_t i = 0; i < run->n_own; i++)
        if (strcmp(run->own[i].key, "threads") == 0) return true;
    return false;
}

/* The arguments as a command line, but for what differs between the elements. */
static void add_command(rk_str *out, const rk_sweep *s, const rk_sweep_arguments *a)
{
    const rk_run_arguments *run = &a->run;
    rk_str_add(out, "sweep");
    if (run->preset) rk_str_add(out, " ");
    if (run->preset) add_word(out, run->preset);
    for (uint32_t i = 0; i < run->n_own; i++) add_setting(out, &run->own[i]);
    if (run->variant) add_option(out, "variant", run->variant);
    add_seeds(out, &a->seeds);
    if (a->spread) add_option(out, "spread", NULL);
    for (uint32_t i = 0; i < run->n_backends; i++) add_option(out, "backend", run->backends[i]);
    for (uint32_t i = 0; i < run->n_plugins; i++) add_option(out, "plugin", run->plugins[i]);
    if (!gives_threads(run)) rk_str_add(out, " --threads=\"${SLURM_CPUS_PER_TASK:-1}\"");
    rk_str_add(out, " \\\n    --plan=%s", s->digest);
}

static void add_head(rk_str *out, const rk_sweep_arguments *a, uint32_t elements)
{
    const char *preset = a->run.preset ? a->run.preset : "sweep";
    rk_str_add(out, "#!/bin/sh\n#SBATCH --job-name=rethink-%s\n#SBATCH --array=1-%u", preset,
               elements);
    if (a->jobs) rk_str_add(out, "%%%u", a->jobs);
    rk_str_add(out, "\n#SBATCH --output=rethink-%%A.log\n#SBATCH --open-mode=append\n"
                    "#SBATCH --signal=B:TERM@60\n");
    if (a->partition) rk_str_add(out, "#SBATCH --partition=%s\n", a->partition);
    if (a->time) rk_str_add(out, "#SBATCH --time=%s\n", a->time);
    for (uint32_t i = 0; i < a->n_sbatch; i++) rk_str_add(out, "#SBATCH %s\n", a->sbatch[i]);
}

/* Which tasks an element does: its own number, or several in a row. */
static void add_tasks(rk_str *out, uint32_t tasks, uint32_t each)
{
    if (each == 1) {
        rk_str_add(out, "tasks=$SLURM_ARRAY_TASK_ID\n");
        return;
    }
    rk_str_add(out,
               "first=$(((SLURM_ARRAY_TASK_ID - 1) * %u + 1)) last=$((SLURM_ARRAY_TASK_ID * %u))\n"
               "[ \"$last\" -le %u ] || last=%u\n"
               "tasks=$first..$last\n",
               each, each, tasks, tasks);
}

static void add_script(rk_str *out, const rk_sweep *s, const rk_sweep_arguments *a,
                       const char *program)
{
    uint32_t each = (s->total + ELEMENTS_MAX - 1) / ELEMENTS_MAX;
    rk_str folder = {0};
    rk_str_add(&folder, "%s.parts", a->run.out);
    add_head(out, a, (s->total + each - 1) / each);
    rk_str_add(out,
               "# %u tasks.  An element that was stopped or killed goes on when it is submitted "
               "again, and\n# what is done is not done again.\nset -eu\nparts=",
               s->total);
    add_word(out, folder.s ? folder.s : "");
    rk_str_add(out, "\nmkdir -p \"$parts\"\n");
    add_tasks(out, s->total, each);
    rk_str_add(out, "part=$parts/$(printf %%06d \"$SLURM_ARRAY_TASK_ID\").sqlite\nexec ");
    add_word(out, program);
    rk_str_add(out, " ");
    add_command(out, s, a);
    rk_str_add(out, " --task=\"$tasks\" --out=\"$part\"\n\n# When all elements have ended:\n#   ");
    add_word(out, program);
    rk_str_add(out, " merge --out ");
    add_word(out, a->run.out);
    rk_str_add(out, " ");
    add_word(out, folder.s ? folder.s : "");
    rk_str_add(out, "/*.sqlite\n");
    out->failed |= folder.failed;
    rk_str_free(&folder);
}

/* A line break in a text that goes into a comment of the script would end the comment. */
static rk_status check(const rk_sweep_arguments *a, rk_error *e)
{
    const char *texts[] = {a->partition, a->time, a->run.preset, a->run.out};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && strpbrk(texts[i], "\n\r"))
            return RK_FAIL(e, RK_E_INVALID, "--emit: a text has a line break");
    for (uint32_t i = 0; i < a->n_sbatch; i++)
        if (a->sbatch[i][0] != '-' || strpbrk(a->sbatch[i], "\n\r"))
            return RK_FAIL(e, RK_E_INVALID,
                           "--sbatch: '%.64s' is no option of sbatch: it begins with '-'",
                           a->sbatch[i]);
    return RK_OK;
}

rk_status rk_sweep_print_slurm(const rk_sweep *s, const rk_sweep_arguments *a, FILE *f, rk_error *e)
{
    char program[PATH_MAX];
    rk_str script = {0};
    RK_TRY(check(a, e));
    RK_TRY(rk_sweep_check_alone(s, e));
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) return RK_FAIL(e, RK_E_IO, "/proc/self/exe cannot be read: is /proc mounted?");
    program[n] = '\0';
    add_script(&script, s, a, program);
    bool good = !script.failed;
    if (good) fputs(script.s, f);
    rk_str_free(&script);
    return good ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a script");
}
