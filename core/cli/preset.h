/* preset.h: experiments by name, as INI files NAME.ini.
 *
 *   [preset]
 *   doc = one line
 *   data = synth16             any option of 'rethink run' by its name without the dashes
 *   device = cpu               keys that may be repeated on the command line may be repeated here
 *   device = opencl?           left out, and said so, where there is none
 *
 *   [scale micro]              micro, small or full: settings of one size of the experiment;
 *   epochs = 30                --scale picks one, else it is the first
 *
 *   [variant random labels]    one run each; without variants there is one run
 *   randomize = labels:p=1
 *   [variant random labels @ full]     more settings of it, at one scale (or several)
 *   batch = 32
 *
 *   [variant large batch]
 *   after = small batch        runs when that one is done, for a diagnostic that looks at its
 *   diagnose = line:run=small batch       weights; may be repeated
 *
 *   [grid]                     every variant with every combination of these
 *   seed = 1..10
 *   lr = 0.01 | 0.02
 *
 *   [claim noise is learned]   what must come out; study.h says what an expression may contain
 *   says = one sentence
 *   holds = train('random labels') = 1      of each seed; may be repeated
 *
 *   [claim chance]
 *   mean = test('random labels')            of the mean over seeds
 *   from = 0.08
 *   to = 0.12
 *
 *   [paper random labels]      what a paper reports of a variant, at full scale unless @
 *                              says, or the preset has no scales
 *   source = Zhang et al. 2016, table 1
 *   train = 100.0 within 0.1                accuracies in %; or: steps_loss01 = 4000 within 35%
 *
 *   [figure Title]             how the report draws it
 *   kind = curves              or sweep, frontier, bars, diagnostic
 *   x = steps                  of curves; the parameter of a sweep; a measure of a frontier
 *   y = train_loss             a column of epochs; a measure, as test or hessian.lambda_max
 *   only = p *                 of the labels those that match
 *   series = real | noise      of a sweep: a line for the labels that begin so; of a diagnostic:
 *                              DIAGNOSTIC.CURVE, one or several; a surface is a contour picture
 *   log = x y                  of a diagnostic: axes, x, y, z; there x and y name the axes
 *
 * Sections of variants, grids, claims, papers and figures may be restricted to scales by '@'.
 * A preset may instead name others, 'presets = fig1a corruption': all of theirs are run.
 *
 * Looked for in the folders of RETHINK_PRESET_PATH (separated by colons), then in the folder that
 * was installed with the program. */
#ifndef RK_CLI_PRESET_H
#define RK_CLI_PRESET_H
#include "cli/settings.h"

enum { RK_SCALE_MICRO, RK_SCALE_SMALL, RK_SCALE_FULL, RK_SCALES };
/* "micro"; "" for -1, which is no scale. */
const char *rk_scale_name(int scale);
/* The opposite; -1 for any other text. */
int rk_scale_find(const char *name);

/* A section of settings.  scales: a bit for each scale at which it holds. */
typedef struct rk_variant {
    const char *label;
    rk_assignment *list;
    uint32_t *line; /* [n], in the file */
    uint32_t n, scales;
    const char **after; /* [n_after]: variants whose runs come before */
    uint32_t n_after, after_line;
} rk_variant;

typedef struct rk_axis {
    const char *key;
    const char **value;
    uint32_t n, scales, line;
} rk_axis;

/* An expression, and where it is written. */
typedef struct rk_formula {
    const char *text;
    uint32_t line;
} rk_formula;

typedef struct rk_claim {
    const char *name, *says; /* says: "" if there is nothing */
    rk_formula *holds;
    rk_formula mean; /* text NULL: none */
    double from, to; /* of mean; -INFINITY, INFINITY if not given */
    uint32_t n, scales, line;
} rk_claim;

/* A number of a paper, in units of the measure (accuracies: fractions). */
typedef struct rk_paper {
    const char *label, *source, *measure;
    double value, tolerance;
    uint32_t scales, line;
} rk_paper;

typedef enum rk_figure_kind {
    RK_FIGURE_CURVES,
    RK_FIGURE_SWEEP,
    RK_FIGURE_FRONTIER,
    RK_FIGURE_BARS,
    RK_FIGURE_DIAGNOSTIC
} rk_figure_kind;
enum { RK_LOG_X = 1, RK_LOG_Y = 2, RK_LOG_Z = 4 };

typedef struct rk_figure {
    const char *title, *x, *y, *note;
    const char *only;   /* labels that match; "*" is all */
    const char *series; /* of a sweep: what labels begin with, "a | b"; "" is one series */
    uint32_t log;       /* of a diagnostic's: axes, RK_LOG_* */
    rk_figure_kind kind;
    uint32_t scales, line;
} rk_figure;

typedef struct rk_preset rk_preset;
struct rk_preset {
    rk_pool pool; /* of everything below but the parts' own */
    const char *name, *doc, *path;
    rk_variant base, at_scale[RK_SCALES], *variant; /* variant: sections; labels may come again */
    rk_axis *axis;
    rk_claim *claim;
    rk_paper *paper;
    rk_figure *figure;
    rk_preset *part; /* presets that this one names */
    uint32_t n_variants, n_axes, n_claims, n_papers, n_figures, n_parts;
    uint32_t scales; /* bits; 0: the preset has no scales */
    int scale;       /* the one taken unless another is asked for; -1: none */
};

/* Reads NAME.ini; errors name the file and the line, an unknown name lists the known ones. */
rk_status rk_preset_load(const char *name, rk_preset *out, rk_error *e);
/* Reads a file. */
rk_status rk_preset_read(const char *path, const char *name, rk_preset *out, rk_error *e);
void rk_preset_free(rk_preset *p);

/* The scale of a run of the preset; wanted is NULL for the usual one.  *out is -1 if the preset has
 * none. */
rk_status rk_preset_pick(const rk_preset *p, const char *wanted, int *out, rk_error *e);
/* True if a section with these scales holds at a scale (-1: of a preset without scales). */
bool rk_scales_have(uint32_t scales, int scale);
/* Puts "FILE:LINE: " before an error of items or parameters: where the assignment is that alone
 * gives an error.  Returns e's code. */
rk_status rk_preset_blame(const rk_preset *p, const rk_registry *plugins, rk_error *e);
#endif
