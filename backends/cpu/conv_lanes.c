/* Lanes of columns, and which of them are inside the plane: see conv_feed.h. */
#include "conv_feed.h"

#ifdef CPU_VEC
int CPU_NAME(cpu_lanes_find)(const cpu_planes *p, int64_t rows, int64_t columns, int64_t j,
                             int64_t n, cpu_lanes *to)
{
    int64_t b = j % columns, a = j / columns % rows, image = j / columns / rows;
    int count = 0;
    for (int64_t at = 0; at < n;) {
        int64_t length = cpu_least(columns - b, n - at);
        if (p->width == columns) length = cpu_least((rows - a) * columns - b, n - at);
        int64_t from = image * p->image + a * p->width + b;
        for (int64_t i = 0; i < length; i += CPU_VEC) {
            int lanes = (int)cpu_least(length - i, CPU_VEC);
            to[count++] = (cpu_lanes){v_part(lanes), lanes, at + i, from + i};
        }
        at += length;
        b = 0; /* there is more, so a row has ended, or the last row */
        a = p->width == columns || a + 1 == rows ? 0 : a + 1;
        image += a == 0;
    }
    return count;
}

static uint32_t low_bits(int64_t n) { return (1u << n) - 1u; }

void CPU_NAME(cpu_lanes_mask)(const cpu_planes *p, const cpu_lanes *lanes, int64_t a, int64_t down,
                              int64_t right, vec_mask *to)
{
    int64_t at = lanes->from % p->image, h = a + at / p->width + down, w = at % p->width + right;
    uint32_t bits = 0;
    for (int64_t lane = 0, end; lane < lanes->n; lane = end, h++, w = right) {
        int64_t from = lane + cpu_most(-w, 0), until = lane + p->W - w;
        end = cpu_least(lanes->n, lane + p->W - w + right);
        until = cpu_least(until, end);
        if (h >= 0 && h < p->H && from < until) bits |= low_bits(until) & ~low_bits(from);
    }
    *to = v_bits(bits);
}
#endif
