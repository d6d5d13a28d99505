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
/* One element per work-item; RK_POS is wide enough for the number of elements. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void ewise(RK_PARAMS RK_DIMS ulong length, ulong count)
{
    RK_POS pos = (RK_POS)get_global_id(0);
    if (pos >= (RK_POS)count) return;
    RK_POS row = RK_ROWS ? pos / (RK_POS)length : 0;
    RK_POS RK_LAST = pos - row * (RK_POS)length;
    RK_ROW
    RK_BODY
}
#endif
