/* a[i] / b[i], sqrt(|a[i]|) and -0 * |b[i]| + 0 by the device's own operations. */
__kernel void probe(__global const float *a, __global const float *b, __global float *quotient,
                    __global float *root, __global float *zero)
{
    size_t i = get_global_id(0);
    quotient[i] = a[i] / b[i];
    root[i] = sqrt(fabs(a[i]));
    zero[i] = fma(-fabs(a[0]), fabs(b[i]), a[0]); /* a[0] is 0 */
}
