/* a[i] / b[i], sqrt(|a[i]|) and a[i] * b[i] + c[i] by the device's own operations. */
__kernel void probe(__global const float *a, __global const float *b, __global const float *c,
                    __global float *quotient, __global float *root, __global float *sum)
{
    size_t i = get_global_id(0);
    quotient[i] = a[i] / b[i];
    root[i] = sqrt(fabs(a[i]));
    sum[i] = fma(a[i], b[i], c[i]);
}

/* A loop of n iterations, whose result says how many there were. */
__kernel void probe_loop(__global uint *out, uint n)
{
    uint x = 0;
    for (uint i = 0; i < n; i++) x = x * 1664525u + 1013904223u;
    *out = x;
}
