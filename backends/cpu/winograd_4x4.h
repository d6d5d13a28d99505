/* winograd_4x4.h: the transforms of tiles of 4 x 4, of vectors; see winograd.h. */
#ifndef RETHINK_CPU_WINOGRAD_4X4_H
#define RETHINK_CPU_WINOGRAD_4X4_H
#include "winograd.h"

#ifdef CPU_VEC
#define RK_W4 vec
#define RK_W4_FMA(c, x, y) v_fma(v_const(c), x, y)
#include "../winograd_4x4.h"
#endif
#endif
