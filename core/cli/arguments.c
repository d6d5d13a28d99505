/* argp, with one line for a misuse instead of argp's own two. */
#include "cli/cli.h"
#include "data/names.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 96 };

/* What argp's parser of --help leaves for rk_cli_parse. */
typedef struct outer {
    const struct argp *whole;
    void *input; /* the command's */
    int next;    /* argv's index where parsing failed */
    bool helped;
} outer;

static error_t parse_outer(int key, char *arg, struct argp_state *state)
{
    outer *o = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->input; return 0;
    case ARGP_KEY_ERROR: o->next = state->next; return 0;
    case 'h':
        argp_help(o->whole, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, state->argv[0]);
        o->helped = true;
        return ECANCELED;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* "no such option: --jsn; did you mean ...": word is what getopt stumbled over. */
static void explain_option(const struct argp *argp, const char *command, const char *word)
{
    const char *known[MAX_OPTIONS];
    size_t n = 0, length = strcspn(word, "=");
    char name[64], hint[RK_HINT_MAX] = "";
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (const struct argp_option *o = argp->options; o && (o->name || o->key); o++) {
        char brief[3] = {'-', (char)o->key, '\0'};
        if (o->key > 0x7F) brief[1] = '\0';
        bool same = (o->name && !strncmp(word, "--", 2) && !strcmp(name + 2, o->name)) ||
                    !strcmp(name, brief);
        if (same) {
            rk_cli_failf("%s %s: see '%s --help'", name,
                         o->arg ? "needs a value" : "takes no value", command);
            return;
        }
        if (o->name && !(o->flags & OPTION_HIDDEN) && n < MAX_OPTIONS) known[n++] = o->name;
    }
    if (!strncmp(word, "--", 2)) rk_name_hint(name + 2, known, n, hint, sizeof hint);
    rk_cli_failf("%s is no option of '%s'%s", name, command, hint);
}

/* getopt has moved past a word unless it is a cluster of short options. */
static const char *stumble(int argc, char **argv, int next)
{
    bool cluster = next < argc && argv[next][0] == '-' && argv[next][1] != '-' &&
                   argv[next][1] != '\0' && argv[next][2] != '\0';
    if (cluster && argv[next - 1][0] != '-') return argv[next];
    return argv[next > 0 ? next - 1 : 0];
}

bool rk_cli_parse(const struct argp *argp, int argc, char **argv, void *input, int *status)
{
    static const struct argp_option help[] = {{"help", 'h', NULL, 0, "Print this", -1},
                                              {NULL, 0, NULL, 0, NULL, 0}};
    const struct argp_child child[] = {{argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
    const struct argp whole = {help, parse_outer, NULL, NULL, child, NULL, NULL};
    outer o = {.whole = &whole, .input = input};
    rk_error e = rk_error_new();
    int end = argc;
    error_t code = argp_parse(&whole, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, &end, &o);
    if (code == 0 && end == argc) return true;
    *status = RK_CLI_MISUSE;
    if (o.helped)
        *status = rk_cli_flush(stdout, "standard output", &e) == RK_OK ? 0 : rk_cli_fail(&e);
    else if (code == ENOMEM)
        *status = rk_cli_failf("no memory");
    else if (code == 0 || code == ARGP_ERR_UNKNOWN)
        rk_cli_failf("'%s' takes no argument '%s'", argv[0], argv[code == 0 ? end : o.next - 1]);
    else if (code != ECANCELED)
        explain_option(argp, argv[0], stumble(argc, argv, o.next));
    return false;
}

error_t rk_cli_misuse(const struct argp_state *state, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rk_cli_failf("%s: see '%s --help'", text, state->argv[0]);
    return ECANCELED;
}

error_t rk_cli_results_file(int key, char *arg, const struct argp_state *state,
                            const char **results)
{
    bool named = key == RK_OPTION_OUT || (key == ARGP_KEY_ARG && state->arg_num == 0);
    if (!named) return ARGP_ERR_UNKNOWN;
    *results = arg;
    return 0;
}

rk_status rk_cli_append(const char ***list, uint32_t *n, const char *text, rk_error *e)
{
    const char **longer = realloc(*list, (*n + 1) * sizeof *longer);
    if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u arguments", *n + 1);
    longer[(*n)++] = text;
    *list = longer;
    return RK_OK;
}
