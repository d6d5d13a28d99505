/* EWISE.  RK_PARAMS, RK_BODY and RK_AXES come from the op's program; the last axis, x[RK_AXES - 1],
 * is the one that is dense or broadcast in every input, and x0 ... are found once per row. */
#if RK_CPU
/* Rows are cut into pieces; a work-item does `per` pieces, one after the other. */
ONE __kernel void ewise(RK_PARAMS RK_DIMS ulong length, ulong piece, ulong pieces, ulong tasks,
                        ulong per)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong row = task / pieces, begin = (task - row * pieces) * piece,
              end = min(begin + piece, length);
        RK_ROW
        for (ulong RK_LAST = begin; RK_LAST < end; RK_LAST += RK_WIDTH) {
            uint rem = (uint)min(end - RK_LAST, (ulong)RK_WIDTH);
            ulong pos = row * length + RK_LAST;
            RK_BODY
        }
    }
}
#else
/* A vector per work-item, of which only the last may be cut short, and only where RK_TAIL. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void ewise(RK_PARAMS RK_DIMS RK_POS length, RK_POS count)
{
    RK_POS pos = (RK_POS)get_global_id(0) * RK_WIDTH;
    if (pos >= count) return;
    const uint rem = RK_TAIL ? (uint)min(count - pos, (RK_POS)RK_WIDTH) : RK_WIDTH;
    RK_POS row = RK_ROWS ? pos / length : 0, RK_LAST = pos - row * length;
    RK_ROW
    RK_BODY
}
#endif
