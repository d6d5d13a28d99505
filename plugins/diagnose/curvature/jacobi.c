/* Eigenvalues of small symmetric matrices: only + - * / and sqrt, so that every machine gets the
 * same bits. */
#include "lanczos.h"
#include <math.h>
#include <string.h>

enum { SWEEPS = 60 };

/* Columns p and q of m[n][n] turned. */
static void turn_columns(int n, double *m, int p, int q, double c, double s)
{
    for (int k = 0; k < n; k++) {
        double x = m[k * n + p], y = m[k * n + q];
        m[k * n + p] = c * x - s * y;
        m[k * n + q] = s * x + c * y;
    }
}

static void turn_rows(int n, double *m, int p, int q, double c, double s)
{
    for (int k = 0; k < n; k++) {
        double x = m[p * n + k], y = m[q * n + k];
        m[p * n + k] = c * x - s * y;
        m[q * n + k] = s * x + c * y;
    }
}

/* The smaller of the two angles that make a[p][q] zero. */
static void rotate(int n, double *a, double *q, int i, int j)
{
    double apq = a[i * n + j], ratio = (a[j * n + j] - a[i * n + i]) / (2 * apq);
    double t = 1 / (fabs(ratio) + sqrt(ratio * ratio + 1));
    if (ratio < 0) t = -t;
    double c = 1 / sqrt(t * t + 1), s = t * c;
    turn_columns(n, a, i, j, c, s);
    turn_rows(n, a, i, j, c, s);
    turn_columns(n, q, i, j, c, s);
    a[i * n + j] = a[j * n + i] = 0;
}

static bool sweep(int n, double *a, double *q)
{
    bool any = false;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            double size = fabs(a[i * n + i]) + fabs(a[j * n + j]);
            if (!(fabs(a[i * n + j]) > 1e-300) || size + fabs(a[i * n + j]) * 1e-2 == size)
                continue;
            rotate(n, a, q, i, j);
            any = true;
        }
    return any;
}

static void swap_columns(int n, double *q, int i, int j)
{
    for (int k = 0; k < n; k++) {
        double x = q[k * n + i];
        q[k * n + i] = q[k * n + j];
        q[k * n + j] = x;
    }
}

void jacobi(int n, double *a, double *w, double *q)
{
    memset(q, 0, (size_t)n * (size_t)n * sizeof *q);
    for (int i = 0; i < n; i++) q[i * n + i] = 1;
    for (int k = 0; k < SWEEPS; k++)
        if (!sweep(n, a, q)) break;
    for (int i = 0; i < n; i++) w[i] = a[i * n + i];
    for (int i = 0; i < n; i++) {
        int least = i;
        for (int j = i + 1; j < n; j++)
            if (w[j] < w[least]) least = j;
        double x = w[i];
        w[i] = w[least];
        w[least] = x;
        if (least != i) swap_columns(n, q, i, least);
    }
}
