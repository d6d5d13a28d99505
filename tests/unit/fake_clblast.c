/* In place of libclblast.so.1: the product on the host, and the parameters that were current when
 * it was asked for, into the file FAKE_CLBLAST_LOG if the product has LOGGED rows.  FAKE_CLBLAST:
 *   refuses   takes no parameters
 *   mixes     when parameters change for the second time the product is wrong, as if programs were
 *             kept by the name of the device alone */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
enum { LOGGED = 24, TRANSPOSED = 112 };

static char parameters[256];
static int changes;

static int is(const char *mode)
{
    const char *given = getenv("FAKE_CLBLAST");
    return given && strcmp(given, mode) == 0;
}

EXPORT int CLBlastClearCache(void);
int CLBlastClearCache(void) { return 0; }

EXPORT int CLBlastSGemmTempBufferSize(int layout, int ta, int tb, size_t m, size_t n, size_t k,
                                      size_t a_at, size_t a_ld, size_t b_at, size_t b_ld,
                                      size_t c_at, size_t c_ld, cl_command_queue *queue,
                                      size_t *bytes);
int CLBlastSGemmTempBufferSize(int layout, int ta, int tb, size_t m, size_t n, size_t k,
                               size_t a_at, size_t a_ld, size_t b_at, size_t b_ld, size_t c_at,
                               size_t c_ld, cl_command_queue *queue, size_t *bytes)
{
    (void)layout, (void)ta, (void)tb, (void)a_at, (void)a_ld, (void)b_at, (void)b_ld, (void)c_at;
    (void)c_ld, (void)queue;
    *bytes = m + n + k;
    return 0;
}

EXPORT int CLBlastOverrideParameters(cl_device_id device, const char *kernel, int precision,
                                     size_t n, const char **name, const size_t *value);
int CLBlastOverrideParameters(cl_device_id device, const char *kernel, int precision, size_t n,
                              const char **name, const size_t *value)
{
    if (!device || precision != 32 || is("refuses")) return -2044;
    if (strcmp(kernel, "GemmRoutine") == 0) {
        size_t used = strlen(parameters);
        snprintf(parameters + used, sizeof parameters - used, " from %d", value[0] == 0 ? 0 : 1);
        return n == 1 ? 0 : -2045;
    }
    changes++;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name[i], "MWG") || !strcmp(name[i], "WGD"))
            snprintf(parameters, sizeof parameters, "%s %s=%zu", kernel, name[i], value[i]);
    return 0;
}

static float *fetch(cl_command_queue queue, cl_mem from, size_t at, size_t rows, size_t cols,
                    int turn)
{
    float *x = malloc(rows * cols * sizeof *x), *y = turn ? malloc(rows * cols * sizeof *y) : x;
    clEnqueueReadBuffer(queue, from, CL_TRUE, at * 4, rows * cols * 4, x, 0, NULL, NULL);
    if (!turn) return x;
    for (size_t i = 0; i < rows; i++) /* it lies as [cols][rows] */
        for (size_t j = 0; j < cols; j++) y[i * cols + j] = x[j * rows + i];
    free(x);
    return y;
}

static void note(size_t m)
{
    const char *path = getenv("FAKE_CLBLAST_LOG");
    FILE *log = m == LOGGED && path ? fopen(path, "ae") : NULL;
    if (!log) return;
    fprintf(log, "%s\n", parameters[0] ? parameters : "own");
    fclose(log);
}

EXPORT int CLBlastSgemmWithTempBuffer(int layout, int ta, int tb, size_t m, size_t n, size_t k,
                                      float alpha, cl_mem a, size_t a_at, size_t a_ld, cl_mem b,
                                      size_t b_at, size_t b_ld, float beta, cl_mem c, size_t c_at,
                                      size_t c_ld, cl_command_queue *queue, cl_event *event,
                                      cl_mem temp);
int CLBlastSgemmWithTempBuffer(int layout, int ta, int tb, size_t m, size_t n, size_t k,
                               float alpha, cl_mem a, size_t a_at, size_t a_ld, cl_mem b,
                               size_t b_at, size_t b_ld, float beta, cl_mem c, size_t c_at,
                               size_t c_ld, cl_command_queue *queue, cl_event *event, cl_mem temp)
{
    (void)layout, (void)alpha, (void)a_ld, (void)b_ld, (void)beta, (void)c_ld, (void)event;
    (void)temp;
    float *x = fetch(*queue, a, a_at, m, k, ta == TRANSPOSED),
          *y = fetch(*queue, b, b_at, k, n, tb == TRANSPOSED), *z = calloc(m * n, sizeof *z);
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < n; j++) z[i * n + j] += x[i * k + l] * y[l * n + j];
    if (is("mixes") && changes > 2) z[0] += 1;
    clEnqueueWriteBuffer(*queue, c, CL_TRUE, c_at * 4, m * n * 4, z, 0, NULL, NULL);
    note(m);
    free(x);
    free(y);
    free(z);
    return 0;
}
