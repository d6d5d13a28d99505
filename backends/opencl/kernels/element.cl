/* The element at h, w of a plane; +0 outside. */
static inline float rk_element(__global const float *planes, ulong plane, int h, int w, int in_h,
                               int in_w)
{
    int inside = h >= 0 && h < in_h && w >= 0 && w < in_w;
    return inside ? planes[(plane * (uint)in_h + (uint)h) * (uint)in_w + (uint)w] : 0.0f;
}
