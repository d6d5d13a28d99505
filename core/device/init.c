/* How trained buffers start; graph.h and numerics.h define every bit. */
#include <string.h>
#include <xxhash.h>
#include "device/program.h"
#include "rethink/numerics.h"

typedef struct stream {
    uint64_t seed;
    uint32_t number;
    uint64_t block; /* which four words are in word[] */
    uint32_t word[4];
} stream;

static void load_block(stream *s, uint64_t block)
{
    s->block = block;
    s->word[0] = (uint32_t)block;
    s->word[1] = s->word[2] = 0;
    s->word[3] = s->number;
    rk_philox(s->word, (uint32_t)s->seed, (uint32_t)(s->seed >> 32));
}

static uint32_t word(stream *s, uint64_t i)
{
    if (s->block != i / 4) load_block(s, i / 4);
    return s->word[i % 4];
}

void rk_init_fill(const rk_init *init, uint64_t seed, const char *name, float *x, uint64_t n)
{
    stream s = {.seed = seed, .number = (uint32_t)XXH3_64bits(name, strlen(name))};
    load_block(&s, 0);
    for (uint64_t i = 0; i < n; i++) switch (init->kind) {
        case RK_INIT_CONST: x[i] = init->a; break;
        case RK_INIT_UNIFORM: x[i] = (2.0f * rk_uniform(word(&s, i)) - 1.0f) * init->a; break;
        case RK_INIT_NORMAL: {
            uint32_t first = word(&s, 2 * i), second = word(&s, 2 * i + 1);
            x[i] = init->a * rk_normal(first, second);
            break;
        }
        default: x[i] = 0.0f; break;
        }
}
