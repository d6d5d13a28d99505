/* learn.h: from the losses of a batch to new parameters.
 *
 * What a step minimizes is the mean over the batch of the cross-entropies, or of a regularizer's
 * objective, and the sum of all penalties.  The optimizer gets the gradient of it, the objective's
 * perhaps at another place (a regularizer's perturb), and what it assigns to parameters goes
 * through every regularizer's project, in the order they are named. */
#ifndef RK_TRAIN_LEARN_H
#define RK_TRAIN_LEARN_H
#include "train/config.h"

/* logits[N][classes], label U32 [N] and the cross-entropies loss[N] of a batch. */
void rk_learn(rk_graph *g, const rk_recipe *r, rk_value logits, rk_value label, rk_value loss);
#endif
