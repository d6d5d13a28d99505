/* augment.h: what the core gives an augmentation. */
#ifndef RK_DATA_AUGMENT_H
#define RK_DATA_AUGMENT_H
#include "rethink/plugin.h"

/* Inputs of random words are called this and the stream's name. */
#define RK_RANDOM_PREFIX "random/"

struct rk_batch {
    rk_value index;    /* U32 [N]: rows of the data set */
    int64_t n;         /* rows of the data set */
    const char *scope; /* what its streams' names begin with: "augment/crop/" */
};

/* Words of the stream `name` for an epoch, out[n], by the examples' positions in the files. */
void rk_batch_words(uint64_t seed, const char *name, int64_t epoch, const rk_examples *x,
                    uint32_t *out);
#endif
