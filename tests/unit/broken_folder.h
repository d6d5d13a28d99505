/* broken_folder.h: a folder that cannot be read to its end, as on a disk that fails. */
#ifndef RK_TEST_BROKEN_FOLDER_H
#define RK_TEST_BROKEN_FOLDER_H

/* So many entries of folders can still be read, "." and ".." and ends count; the next is
 * EIO, and those after it are fine.  Negative: all can. */
void broken_folder_after(int entries);
#endif
