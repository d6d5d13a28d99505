/* WINDOW: sums of windows one column wide, as those of a local response norm over channels.
 *
 * Windows of neighbours in a row are neighbours themselves: vectors of sums need no copy of the
 * plane.  With stride 1 the adjoint is such a sum, too: an element is in the windows of kh rows,
 * whose order is that of the rows, and the padding is what a window has beyond one row and the
 * other padding. */
#include "vec.h"
#include "window.h"

#ifdef CPU_VEC
enum { WIDE = 4 /* vectors side by side: sums that do not wait for each other */ };

int CPU_NAME(cpu_window_is_column)(const cpu_window *v)
{
    return (v->which == RK_WINDOW_SUM || v->which == RK_WINDOW_SUM_T) && v->kw == 1 && v->sh == 1 &&
           v->sw == 1 && v->pw == 0 && v->OW == v->W && v->W >= CPU_VEC;
}

/* Of so many vectors, the last of which has the lanes `last`. */
static inline __attribute__((always_inline)) void sum(const float *x, int64_t width, int64_t rows,
                                                      float *to, int vectors, vec_mask last)
{
    vec acc[WIDE];
    CPU_UNROLL for (int j = 0; j < vectors; j++) acc[j] = v_zero();
    for (int64_t t = 0; t < rows; t++, x += width) {
        CPU_UNROLL for (int j = 0; j < vectors - 1; j++) acc[j] =
            v_add(acc[j], v_load(x + j * CPU_VEC));
        acc[vectors - 1] = v_add(acc[vectors - 1], v_load_part(x + (vectors - 1) * CPU_VEC, last));
    }
    CPU_UNROLL for (int j = 0; j < vectors - 1; j++) v_store(to + j * CPU_VEC, acc[j]);
    v_store_part(to + (vectors - 1) * CPU_VEC, acc[vectors - 1], last);
}

static void row(const float *x, int64_t width, int64_t rows, float *to)
{
    for (int64_t w = 0; w < width; w += WIDE * CPU_VEC) {
        int64_t left = cpu_least(width - w, WIDE * CPU_VEC),
                vectors = (left + CPU_VEC - 1) / CPU_VEC;
        vec_mask last = v_part((int)(left - (vectors - 1) * CPU_VEC));
        switch (vectors) {
        case 1: sum(x + w, width, rows, to + w, 1, last); break;
        case 2: sum(x + w, width, rows, to + w, 2, last); break;
        case 3: sum(x + w, width, rows, to + w, 3, last); break;
        default: sum(x + w, width, rows, to + w, WIDE, last);
        }
    }
}

void CPU_NAME(cpu_window_columns)(const cpu_window *v, const float *x, float *y)
{
    const int adjoint = v->which == RK_WINDOW_SUM_T;
    const int64_t in = adjoint ? v->OH : v->H, out = adjoint ? v->H : v->OH, width = v->W;
    const int64_t pad = adjoint ? v->kh - 1 - v->ph : v->ph;
    for (int64_t h = 0; h < out; h++) {
        int64_t first = cpu_most(h - pad, 0), end = cpu_least(h - pad + v->kh, in);
        row(x + first * width, width, end - first, y + h * width);
    }
}
#endif
