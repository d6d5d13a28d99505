/* merge_folder.h: the files of runs on their way from one results file to another. */
#ifndef RK_TRAIN_MERGE_FOLDER_H
#define RK_TRAIN_MERGE_FOLDER_H
#include "train/results.h"

/* Where folders are made before they are moved: RESULTS.runs/.merging, emptied. */
rk_status rk_stage_open(const char *results, rk_error *e);
/* Copies run from of the results file source into the stage, as run to; *found is false if it has
 * no folder.  Safetensors get the new number. */
rk_status rk_stage_copy(const char *results, const char *source, int64_t from, int64_t to,
                        bool *found, rk_error *e);
/* Moves a copied folder to its place.  What is there is of no run, or of an older copy of it. */
rk_status rk_stage_move(const char *results, int64_t to, rk_error *e);
/* Whether run to has not all the files that run from of the source has: a merge was killed. */
rk_status rk_stage_lacks(const char *results, const char *source, int64_t from, int64_t to,
                         bool *lacks, rk_error *e);
/* Removes a folder that was moved; and the stage with all that is left in it. */
void rk_stage_undo(const char *results, int64_t to);
void rk_stage_close(const char *results);
#endif
