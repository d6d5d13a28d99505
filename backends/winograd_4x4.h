/* winograd_4x4.h: Winograd's F(4 x 4, 3 x 3) along one side of a tile, for the backends that have
 * it.  One text that compiles as C and as OpenCL C, as numerics.h does: the same operations in the
 * same order.  RK_W4 is a number or a vector of them, RK_W4_FMA(c, x, y) is c x + y with one
 * rounding, c a constant; both are defined before.
 *
 * Four results come from six taps, by products in the points 0, +-5/8, +-13/8 and infinity.  Of
 * pairs +-a, +-b of eighths these have the smallest errors: with Lavin and Gray's +-1, +-2
 * (arXiv:1509.09308) coefficients are simpler, but those of random layers are twice as large, and
 * the bound is 4.6 times as high.  Barabasz, Anderson, Soodhalter and Gregg (arXiv:1803.10986)
 * search for such points; neon and oneDNN have +-5/8, +-3/2, which err as little, with a bound 1.14
 * times as high.  All coefficients but those of the weights are exact.
 *
 * Products of channels are added in chains of RK_W4_CHAIN from +0, and these in ascending order:
 * in one chain of 128 or more channels most of the error would be that of their sum. */
#define RK_W4_CHAIN 64

#define RK_W4_A 0.625f
#define RK_W4_B 1.625f
#define RK_W4_AA 0.390625f
#define RK_W4_BB 2.640625f
#define RK_W4_AAA 0.244140625f
#define RK_W4_BBB 4.291015625f
#define RK_W4_AABB 1.031494140625f
#define RK_W4_AA_BB 3.03125f /* their sum */

static inline void rk_w4_taps(const RK_W4 *d, RK_W4 *v)
{
    RK_W4 even = RK_W4_FMA(-RK_W4_BB, d[2], d[4]), odd = RK_W4_FMA(-RK_W4_BB, d[1], d[3]);
    v[0] = RK_W4_FMA(RK_W4_AABB, d[0], RK_W4_FMA(-RK_W4_AA_BB, d[2], d[4]));
    v[1] = RK_W4_FMA(RK_W4_A, odd, even);
    v[2] = RK_W4_FMA(-RK_W4_A, odd, even);
    even = RK_W4_FMA(-RK_W4_AA, d[2], d[4]);
    odd = RK_W4_FMA(-RK_W4_AA, d[1], d[3]);
    v[3] = RK_W4_FMA(RK_W4_B, odd, even);
    v[4] = RK_W4_FMA(-RK_W4_B, odd, even);
    v[5] = RK_W4_FMA(RK_W4_AABB, d[1], RK_W4_FMA(-RK_W4_AA_BB, d[3], d[5]));
}

/* Over N = 2 a^2 (a^2 - b^2) and 2 b^2 (b^2 - a^2): 1, a or b, and their squares; 1 / (a^2 b^2). */
static inline void rk_w4_weights(const RK_W4 *g, RK_W4 *u)
{
    RK_W4 even = RK_W4_FMA(-0.222222222f, g[2], g[0] * -0.568888889f), odd = g[1] * -0.355555556f;
    u[0] = g[0] * 0.969467456f;
    u[1] = even + odd;
    u[2] = even - odd;
    even = RK_W4_FMA(0.222222222f, g[2], g[0] * 0.0841551613f);
    odd = g[1] * 0.136752137f;
    u[3] = even + odd;
    u[4] = even - odd;
    u[5] = g[2];
}

static inline void rk_w4_results(const RK_W4 *m, RK_W4 *y)
{
    RK_W4 even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + (even_a + even_b);
    y[1] = RK_W4_FMA(RK_W4_A, odd_a, odd_b * RK_W4_B);
    y[2] = RK_W4_FMA(RK_W4_AA, even_a, even_b * RK_W4_BB);
    y[3] = RK_W4_FMA(RK_W4_AAA, odd_a, RK_W4_FMA(RK_W4_BBB, odd_b, m[5]));
}

/* dw is F(3 x 3, 4 x 4): three weights come from the six taps and four gradients, in the same
 * points. */
static inline void rk_w4_gradients(const RK_W4 *g, RK_W4 *u)
{
    RK_W4 even = RK_W4_FMA(-0.222222222f, g[2], g[0] * -0.568888889f);
    RK_W4 odd = RK_W4_FMA(-0.138888889f, g[3], g[1] * -0.355555556f);
    u[0] = g[0] * 0.969467456f;
    u[1] = even + odd;
    u[2] = even - odd;
    even = RK_W4_FMA(0.222222222f, g[2], g[0] * 0.0841551613f);
    odd = RK_W4_FMA(0.361111111f, g[3], g[1] * 0.136752137f);
    u[3] = even + odd;
    u[4] = even - odd;
    u[5] = g[3];
}

static inline void rk_w4_sums(const RK_W4 *m, RK_W4 *w)
{
    RK_W4 even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    w[0] = m[0] + (even_a + even_b);
    w[1] = RK_W4_FMA(RK_W4_A, odd_a, odd_b * RK_W4_B);
    w[2] = RK_W4_FMA(RK_W4_AA, even_a, RK_W4_FMA(RK_W4_BB, even_b, m[5]));
}
