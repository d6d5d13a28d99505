/* EWISE.  RK_PARAMS, RK_BODY and RK_AXES come from the op's program; the last axis, x[RK_AXES - 1],
 * is the one that is dense or broadcast in every input, and x0 ... are found once per row. */
#if RK_FLAT
/* Vectors lie along the whole space, whose rows none of them ends: all are whole and lie where the
 * memory's do.  What does not vary along a row is joined of two rows' where a vector has elements
 * of both; a row is longer than a vector. */
#define DECLARE(j, value) U row##j = value;
#define SAME(j, value) U in##j = row##j;
#define BOTH(j, value)                                                                             \
    {                                                                                              \
        U next = value;                                                                            \
        in##j = PICK(before, row##j, next);                                                        \
        row##j = next;                                                                             \
    }

ONE __kernel void ewise(RK_PARAMS RK_DIMS ulong length, ulong count, ulong piece, ulong pieces,
                        ulong tasks, ulong per)
{
    ulong pos = get_global_id(0) * per * piece, end = min(pos + per * piece, count);
    ulong row = pos / length, rows = count / length, left = (row + 1) * length - pos;
    RK_ROW
    RK_VALUES(DECLARE)
    for (; pos < end; pos += RK_WIDTH) {
        RK_VALUES(SAME)
        if (left < RK_WIDTH) {
            I before = LANES < (U)((uint)left);
            if (++row < rows) { RK_NEXT_ROW }
            RK_VALUES(BOTH)
            left += length;
        }
        left -= RK_WIDTH;
        uint rem = (uint)min(end - pos, (ulong)RK_WIDTH);
        RK_BODY
    }
}
#elif RK_CPU
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
