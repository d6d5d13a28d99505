/* Winograd's transforms along one side of a tile, of F(2 x 2, 3 x 3) or, if RK_TILE is 4, F(4 x 4,
 * 3 x 3), and with RK_DW F(3 x 3, 2 x 2) and F(3 x 3, 4 x 4); and the weights'.  Points are
 * numbered RK_EDGE * (along h) + (along w).  The same operations in the same order as in the cpu
 * backend. */
#define RK_EDGE (RK_TILE + 2)
#define RK_POINTS (RK_EDGE * RK_EDGE)

#if RK_TILE == 4
static inline void rk_to_points(const F *d, F *v) { rk_w4_taps(d, v); }
#else
static inline void rk_to_points(const F *d, F *v)
{
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = RK_DW ? d[3] - d[1] : d[1] - d[3];
}
#endif

#if RK_DW || RK_TILE == 2
/* A tile of taps, rows by rows. */
static inline void rk_tile_to_points(F (*d)[RK_EDGE], F (*v)[RK_EDGE])
{
    F s[RK_EDGE][RK_EDGE], a[RK_EDGE], b[RK_EDGE];
#pragma unroll
    for (uint i = 0; i < RK_EDGE; i++) rk_to_points(d[i], s[i]);
#pragma unroll
    for (uint j = 0; j < RK_EDGE; j++) {
#pragma unroll
        for (uint i = 0; i < RK_EDGE; i++) a[i] = s[i][j];
        rk_to_points(a, b);
#pragma unroll
        for (uint i = 0; i < RK_EDGE; i++) v[i][j] = b[i];
    }
}
#endif

#if RK_DW
#if RK_TILE == 4
static inline void rk_gradients_to_points(const F *g, F *u) { rk_w4_gradients(g, u); }
static inline void rk_from_points(const F *m, F *w) { rk_w4_sums(m, w); }
#else
static inline void rk_gradients_to_points(const F *g, F *u)
{
    u[0] = g[0];
    u[1] = (g[0] + g[1]) * 0.5f;
    u[2] = (g[0] - g[1]) * 0.5f;
    u[3] = g[1];
}

static inline void rk_from_points(const F *m, F *w)
{
    w[0] = (m[0] + m[1]) + m[2];
    w[1] = m[1] - m[2];
    w[2] = (m[1] + m[2]) + m[3];
}
#endif

/* A tile of gradients. */
static inline void rk_gradient_tile(F (*g)[RK_TILE], F (*u)[RK_EDGE])
{
    F s[RK_TILE][RK_EDGE], a[RK_TILE], b[RK_EDGE];
#pragma unroll
    for (uint i = 0; i < RK_TILE; i++) rk_gradients_to_points(g[i], s[i]);
#pragma unroll
    for (uint j = 0; j < RK_EDGE; j++) {
#pragma unroll
        for (uint i = 0; i < RK_TILE; i++) a[i] = s[i][j];
        rk_gradients_to_points(a, b);
#pragma unroll
        for (uint i = 0; i < RK_EDGE; i++) u[i][j] = b[i];
    }
}

/* Sums of products, m[i][j], to w[3 * row + column]. */
static inline void rk_sums_to_weights(F (*m)[RK_EDGE], F *w)
{
    F s[RK_EDGE][3], a[RK_EDGE], b[3];
#pragma unroll
    for (uint i = 0; i < RK_EDGE; i++) rk_from_points(m[i], s[i]);
#pragma unroll
    for (uint j = 0; j < 3; j++) {
#pragma unroll
        for (uint i = 0; i < RK_EDGE; i++) a[i] = s[i][j];
        rk_from_points(a, b);
#pragma unroll
        for (uint i = 0; i < 3; i++) w[3 * i + j] = b[i];
    }
}
#elif RK_TILE == 4
/* A tile of taps, rows by rows; here along h first. */
static inline void rk_tile_to_points(F (*d)[6], F (*v)[6])
{
    F s[6][6], a[6], b[6];
#pragma unroll
    for (uint j = 0; j < 6; j++) {
#pragma unroll
        for (uint i = 0; i < 6; i++) a[i] = d[i][j];
        rk_w4_taps(a, b);
#pragma unroll
        for (uint i = 0; i < 6; i++) s[i][j] = b[i];
    }
#pragma unroll
    for (uint i = 0; i < 6; i++) rk_w4_taps(s[i], v[i]);
}

/* Products, m[i][j], to a tile of results. */
static inline void rk_tile_from_points(F (*m)[6], F (*y)[4])
{
    F s[4][6], a[6], b[4];
#pragma unroll
    for (uint j = 0; j < 6; j++) {
#pragma unroll
        for (uint i = 0; i < 6; i++) a[i] = m[i][j];
        rk_w4_results(a, b);
#pragma unroll
        for (uint i = 0; i < 4; i++) s[i][j] = b[i];
    }
#pragma unroll
    for (uint i = 0; i < 4; i++) rk_w4_results(s[i], y[i]);
}

/* One kernel of 3 x 3 weights to u[36], in all lanes; dx takes it turned around. */
static inline void rk_kernel_to_points(__global const float *w, uint turned, float *u)
{
    F g[3], s[3][6], v[6];
#pragma unroll
    for (uint c = 0; c < 3; c++) {
#pragma unroll
        for (uint r = 0; r < 3; r++) g[r] = (F)(w[turned ? 8 - 3 * r - c : 3 * r + c]);
        rk_w4_weights(g, s[c]);
    }
#pragma unroll
    for (uint r = 0; r < 6; r++) {
#pragma unroll
        for (uint c = 0; c < 3; c++) g[c] = s[c][r];
        rk_w4_weights(g, v);
#pragma unroll
        for (uint c = 0; c < 6; c++) u[6 * r + c] = FIRST(v[c]);
    }
}
#else
static inline void rk_from_points(const F *m, F *y)
{
    y[0] = (m[0] + m[1]) + m[2];
    y[1] = (m[1] - m[2]) - m[3];
}

/* Products, m[i][j], to a tile of results. */
static inline void rk_tile_from_points(F (*m)[4], F (*y)[2])
{
    F s[2][4], a[4], b[2];
#pragma unroll
    for (uint j = 0; j < 4; j++) {
#pragma unroll
        for (uint i = 0; i < 4; i++) a[i] = m[i][j];
        rk_from_points(a, b);
        s[0][j] = b[0];
        s[1][j] = b[1];
    }
    rk_from_points(s[0], y[0]);
    rk_from_points(s[1], y[1]);
}

static inline void rk_weights_to_points(const float *g, uint step, float *u, uint to)
{
    float even = g[0] + g[2 * step];
    u[0] = g[0];
    u[to] = 0.5f * (even + g[step]);
    u[2 * to] = 0.5f * (even - g[step]);
    u[3 * to] = g[2 * step];
}

/* One kernel of 3 x 3 weights to u[16]; dx takes it turned around. */
static inline void rk_kernel_to_points(__global const float *w, uint turned, float *u)
{
    float g[9], half_way[12];
#pragma unroll
    for (uint i = 0; i < 9; i++) g[i] = w[turned ? 8 - i : i];
#pragma unroll
    for (uint s = 0; s < 3; s++) rk_weights_to_points(g + s, 3, half_way + s, 3);
#pragma unroll
    for (uint p = 0; p < 4; p++) rk_weights_to_points(half_way + 3 * p, 1, u + 4 * p, 1);
}
#endif
