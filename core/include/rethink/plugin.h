/* rethink/plugin.h: writing experiments.
 *
 * An experiment plugin is a shared object that exports one read-only table of items, made by
 * RK_PLUGIN below; it links librethink.  An item is a model, a data set, a transform, a
 * regularizer, an optimizer, a schedule, an augmentation, or a diagnostic: a name, one line of
 * documentation, its parameters, and one function; a regularizer may have several.  (kind, name) is
 * unique over all plugins; a duplicate is an error naming both files.  One parameter table drives
 * the command line (`name:key=value,key=value`), `--help`, presets, the result record, and the
 * refusal of unknown keys and values out of range.
 *
 * Functions of items have no state of their own and may be called from any thread, one call at a
 * time per data set or graph.  Strings in the table live as long as the plugin: it is never
 * unloaded. */
#ifndef RETHINK_PLUGIN_H
#define RETHINK_PLUGIN_H
#include "rethink/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RK_PLUGIN_ABI 1u

/* ---- parameters ------------------------------------------------------------------------------ */

enum { RK_PARAM_INT = 1, RK_PARAM_REAL = 2, RK_PARAM_CHOICE = 3, RK_PARAM_PATH = 4 };
typedef struct rk_param_spec {
    const char *name;    /* NULL ends a table */
    const char *initial; /* the default, as a user would write it; NULL: must be given */
    const char *doc;     /* one line, with the unit */
    uint32_t type;       /* RK_PARAM_* */
    double lo, hi;       /* INT, REAL: the closed range of values */
    const char *choices; /* CHOICE: "he|torch" */
} rk_param_spec;

/* Checked values of the parameters of one item.  Asking for a name that the item's table does not
 * have, or as the wrong type, gives 0 or "" and is caught by the plugin tests. */
typedef struct rk_args rk_args;
RK_API int64_t rk_arg_int(const rk_args *, const char *name);
RK_API double rk_arg_real(const rk_args *, const char *name);
RK_API const char *rk_arg_text(const rk_args *, const char *name); /* CHOICE, PATH */

/* ---- randomness on the host ----------------------------------------------------------------- */

/* A stream of Philox words indexed by i (below 2^34); the same bits as rk_rng on a device at
 * `step`, so that what is drawn depends on (seed, step, stream, i) and on nothing else. */
typedef struct rk_random {
    uint64_t seed;
    uint32_t step, stream;
} rk_random;
RK_API rk_random rk_random_named(uint64_t seed, const char *name); /* stream as rk_rng's; step 0 */
RK_API uint32_t rk_random_word(rk_random, uint64_t i);
RK_API float rk_random_uniform(rk_random, uint64_t i); /* in [0, 1), from word i */
RK_API float rk_random_normal(rk_random, uint64_t i);  /* from words 2 i and 2 i + 1 */
/* Normals first, first + 1, ... into x[n], the same bits, in a third of the time. */
RK_API void rk_random_fill_normal(rk_random, uint64_t first, int64_t n, float *x);
/* Uniform in [0, n) without bias, 0 < n: from word i, and where that must be rejected from words of
 * step + 1, step + 2, ... at i. */
RK_API uint32_t rk_random_below(rk_random, uint64_t i, uint32_t n);
/* A uniformly random order of 0 ... n - 1 (Fisher and Yates), out[n]; uses words 0 ... n - 1. */
RK_API void rk_random_order(rk_random, uint32_t n, uint32_t *out);

/* ---- data ----------------------------------------------------------------------------------- */

/* Examples: arrays made by rk_examples_make, freed by the core.  Example i is n[i] = (pixel -
 * shift[i]) * scale[i], computed in this order in fp32, for the model.  U8 pixels are 0 ... 255. */
typedef struct rk_examples {
    int64_t n;
    uint32_t dtype;       /* of pixels: RK_U8 or RK_F32 */
    void *pixels;         /* [n][channels][height][width] */
    uint32_t *label;      /* [n], below the number of classes */
    uint32_t *index;      /* [n]: position in the original files, for per-example results */
    float *shift, *scale; /* [n] */
} rk_examples;

/* Training and test examples are of different types, so that one is never taken for the other. */
typedef struct rk_train_set {
    rk_examples x;
    uint32_t *true_label; /* [n]: the labels before any transform */
} rk_train_set;
typedef struct rk_test_set {
    rk_examples x;
} rk_test_set;

/* Where pixels come from that are in no array, for sets that memory does not hold: then the sets'
 * pixels are NULL.  index is an example's position in the original files, as in rk_examples. */
typedef struct rk_source {
    void *state;                /* handed to the functions below */
    void (*close)(void *state); /* once, with the set; NULL: nothing to free */
    /* The pixels of one training (test: test) example, [channels][height][width] of the set's
     * dtype.  Called by many threads at once. */
    rk_status (*read)(void *state, bool test, uint32_t index, void *pixels, rk_error *);
    /* NULL, or the same in a graph, bit for bit: F32 [N][channels][height][width] of the examples
     * index U32 [N], which may lie beyond the set's end. */
    rk_value (*generate)(void *state, rk_graph *, bool test, rk_value index);
    uint32_t flags; /* RK_SOURCE_*, of a set that does not generate */
} rk_source;
enum {
    RK_SOURCE_RESIDENT = 1, /* the core reads all into memory, once, before the transforms */
    RK_SOURCE_SKIP = 2,     /* examples that cannot be read are left out; else they are errors */
    RK_SOURCE_UNCHECKED = 4 /* do not read all before training; a bad example ends the run then */
};

enum { RK_STANDARDIZE_NONE = 0, RK_STANDARDIZE_IMAGE = 1 };
typedef struct rk_dataset {
    uint32_t classes, channels, height, width;
    uint32_t
        standardize; /* what the core does after the transforms: NONE: pixels to [0, 1] (U8) or as
                             they are; IMAGE: (x - mean) / max(std, 1 / sqrt(N)) over each image's N
                             values on the [0, 1] scale, population std (TensorFlow's
                             per_image_whitening) */
    rk_train_set train;
    rk_test_set test;
    rk_source source; /* all zero: pixels are arrays */
} rk_dataset;

/* Allocates the arrays of both sets after classes, channels, height and width are set; index and
 * true_label are filled by the core when load returns. */
RK_API rk_status rk_dataset_make(rk_dataset *, uint32_t dtype, int64_t n_train, int64_t n_test,
                                 rk_error *);
/* The same without pixels, after source is set: RK_F32 and RK_STANDARDIZE_NONE if it generates. */
RK_API rk_status rk_dataset_make_sourced(rk_dataset *, uint32_t dtype, int64_t n_train,
                                         int64_t n_test, rk_error *);
/* Values in one example: channels * height * width. */
RK_API int64_t rk_dataset_pixels(const rk_dataset *);
/* Turns U8 pixels of a set into F32 on the [0, 1] scale, in place of the old array. */
RK_API rk_status rk_examples_to_f32(rk_examples *, int64_t pixels_per_example, rk_error *);
/* Fills *e and returns the code, like the core's own errors: printf format. */
RK_API rk_status rk_error_set(rk_error *e, rk_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reads a file whole, unpacking it if it is gzip (whatever its name); *data is freed by free().
 * Says which path and what is wrong with it (missing, damaged, longer than limit bytes). */
RK_API rk_status rk_file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *bytes,
                              rk_error *e);

/* Numbers of a stream of r's in a graph, for sources that generate: element j of row i, U32 [N][n]
 * and F32 [N][n], is rk_random_word, or rk_random_normal, of number j at step r.step + step[i];
 * step is U32 [N]. */
RK_API rk_value rk_random_words(rk_graph *, rk_random r, rk_value step, int64_t n);
RK_API rk_value rk_random_normals(rk_graph *, rk_random r, rk_value step, int64_t n);

/* ---- augmentation ---------------------------------------------------------------------------- */

/* The examples of a batch, for augmentations. */
typedef struct rk_batch rk_batch;
/* A random word for each example, U32 [N]: word i of a stream of the run's seed at step `epoch`,
 * where i is the example's position in the original files and the stream is named after the
 * augmentation and `name`.  So it is the same word whatever the device, the batch and the order
 * are.  Not in evaluation (rk_graph_training), which is a mistake in the graph. */
RK_API rk_value rk_batch_word(rk_graph *, const rk_batch *, const char *name);
/* From such a word a number in [0, n), 0 < n < 2^32: floor(word n / 2^32).  Each has the
 * probability 1 / n to within 2^-32. */
RK_API rk_value rk_batch_below(rk_graph *, const rk_batch *, int64_t n, const char *name);
/* Pixels of images x[N][C][H][W] at rows U32 [N or 1][1][h][w or 1] and columns
 * U32 [N or 1][1][h or 1][w], to [N][C][h][w] with the h of rows and the w of columns; 0 where the
 * row is not below H or the column not below W. */
RK_API rk_value rk_image_take(rk_graph *, rk_value x, rk_value rows, rk_value columns);

/* ---- items ---------------------------------------------------------------------------------- */

enum {
    RK_KIND_MODEL = 1,
    RK_KIND_DATA = 2,
    RK_KIND_TRANSFORM = 3,
    RK_KIND_REGULARIZER = 4,
    RK_KIND_OPTIMIZER = 5,
    RK_KIND_SCHEDULE = 6,
    RK_KIND_AUGMENT = 7,
    RK_KIND_DIAGNOSTIC = 8
};

/* What a diagnostic works on: diagnose.h. */
typedef struct rk_lab rk_lab;

typedef struct rk_item {
    uint32_t size, kind;
    const char *name, *doc;
    const rk_param_spec *params; /* NULL: none */
    /* MODEL: logits [N][classes] of x [N][channels][height][width]. */
    rk_value (*model)(rk_graph *, rk_value x, uint32_t classes, const rk_args *);
    /* DATA: fills the set; the core adds the parameters limit and limit-test (how many of the first
     * training and test examples to keep). */
    rk_status (*data)(rk_dataset *, const rk_args *, rk_error *);
    /* TRANSFORM: once, before training and before standardization.  random: of the run's seed and
     * the transform's name.  Changes training examples; test ones only where its doc says so. */
    rk_status (*transform)(rk_dataset *, const rk_args *, rk_random, rk_error *);
    /* REGULARIZER: a scalar to add to the loss.  A regularizer has this or another of its functions
     * below, or several. */
    rk_value (*penalty)(rk_graph *, const rk_value *params, uint32_t n, const rk_args *);
    /* OPTIMIZER: assigns every parameter (and states of its own, named "optimizer/" + the
     * parameter's name + "/...") from its gradient; rate is a rank-0 F32 value. */
    void (*step)(rk_graph *, const rk_value *params, const rk_value *grads, uint32_t n,
                 rk_value rate, const rk_args *);
    /* SCHEDULE: the learning rate of an epoch (from 0), rate0 being --lr. */
    double (*rate)(double rate0, int64_t epoch, const rk_args *);
    /* AUGMENT: images of a batch for the model, F32 [N][channels][height][width], from x, which is
     * standardized: so 0 is the image's mean where images are standardized one by one.  In training
     * (rk_graph_training) at random; in evaluation what stands for that, of the same shape.  Names
     * of random streams are prefixed by the augmentation's. */
    rk_value (*augment)(rk_graph *, rk_value x, const rk_batch *, const rk_args *);
    /* REGULARIZER: what is minimized instead of the cross-entropies of a batch, F32 [N], of
     * logits[N][classes] and labels U32 [N].  One of a run at most.  Losses that are recorded are
     * cross-entropies all the same. */
    rk_value (*objective)(rk_graph *, rk_value logits, rk_value labels, const rk_args *);
    /* REGULARIZER: what params[i] becomes in place of updated, the optimizer's new value. */
    rk_value (*project)(rk_graph *, const rk_value *params, uint32_t n, uint32_t i,
                        rk_value updated, const rk_args *);
    /* REGULARIZER: where the gradient is taken that the optimizer gets: fills at[i], from grads[i]
     * of the objective at params[i].  The batch and its random words are the same there.  Penalties
     * keep their gradient at params.  One of a run at most. */
    void (*perturb)(rk_graph *, const rk_value *params, const rk_value *grads, uint32_t n,
                    rk_value *at, const rk_args *);
    /* TRANSFORM: does to test labels what transform does to those of training, and nothing else,
     * where the user asks for it (eval-labels=corrupted).  random: of a stream of its own. */
    rk_status (*transform_test)(rk_dataset *, const rk_args *, rk_random, rk_error *);
    uint32_t flags; /* RK_ITEM_* */
    /* DIAGNOSTIC: measures and reports, see diagnose.h. */
    rk_status (*diagnose)(rk_lab *, const rk_args *, rk_error *);
} rk_item;
enum { RK_ITEM_LABELS_ONLY = 1 }; /* TRANSFORM: needs no pixels, so that they may be in no array */

typedef struct rk_plugin {
    uint32_t size, abi;
    const char *name, *version;
    const rk_item *items; /* item_size bytes apart */
    uint32_t item_size, n_items;
} rk_plugin;

#define RK_ITEM(kind_, ...)                                                                        \
    {                                                                                              \
        .size = sizeof(rk_item), .kind = (kind_), __VA_ARGS__                                      \
    }
/* Placed once, at file scope: RK_PLUGIN("mine", "1.0", RK_ITEM(RK_KIND_MODEL, .name = ..., ...),
 * ...) */
#define RK_PLUGIN(name_, version_, ...)                                                            \
    static const rk_item rk_plugin_items[] = {__VA_ARGS__};                                        \
    RK_EXPORT extern const rk_plugin rk_plugin_table;                                              \
    const rk_plugin rk_plugin_table = {                                                            \
        sizeof(rk_plugin),                                                                         \
        RK_PLUGIN_ABI,                                                                             \
        (name_),                                                                                   \
        (version_),                                                                                \
        rk_plugin_items,                                                                           \
        sizeof(rk_item),                                                                           \
        (uint32_t)(sizeof rk_plugin_items / sizeof *rk_plugin_items)}

#ifdef __cplusplus
}
#endif
#endif
