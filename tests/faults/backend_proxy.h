/* backend_proxy.h: a backend that passes every call on to another one (RETHINK_TEST_CPU, a path),
 * and misbehaves as its options say:
 *
 *   proxy.refuse   kinds that prepare refuses, e.g. "matmul,take"; "epilogue" and "prologue" stand
 *                  for programs on kernels, "multi" for EWISE of more than one instruction, "half"
 *                  for every other kernel that it is asked for, "revision" for what a backend of
 *                  minor version 1 does not know
 *   proxy.alias    "none": no kernel may work in place
 *   proxy.tier     "fast": kernels say that they are not exact, even if asked for an exact
 *                  one; "asked": if asked for a fast one
 *   proxy.fail     "launch:3": the third call of this function fails; "launch:3:lost": the device
 *                  is lost, and a call but close that follows ends the process;
 *                  "launch:3:silent": it fails and gives no text;
 *                  "launch:3:crash", "launch:3:hang": the process does
 *   proxy.flip     "matmul:3200:5": kernels of this kind whose first output has 3200 elements,
 *                  words, give element 7 a wrong lowest bit from the fifth launch of one on;
 *                  "matmul:3200:5:once": in the fifth only; "matmul:3200:5:high": a high bit;
 *                  "matmul:3200:5:fast": kernels that were asked for as fast ones;
 *                  "epilogue:3200:5": kernels with a program after them
 *   proxy.slow     "matmul:2000": each launch of such a kernel takes so many microseconds longer
 *   proxy.choices  "plain,slow,wrong,fails,dies": choices of every matmul, whose launches are the
 *                  other backend's, sleep, leave a wrong element, fail, or kill the process
 *   proxy.broken   a choice that fails, too; "fast": a matmul that was asked for as a fast one
 *   proxy.lazy     microseconds that each launch of a matmul sleeps that was not chosen
 *
 * The options are environment variables, too: PROXY_REFUSE and so on.  Two things are only that, as
 * they must be known before a hub has options: PROXY_PIECE, the largest allocation in bytes, and
 * PROXY_DEVICES=0, there are none.  Memory is full of NaN at first.  Errors have the word proxy. */
#ifndef RK_TEST_BACKEND_PROXY_H
#define RK_TEST_BACKEND_PROXY_H
#include <rethink/backend.h>

enum { WRONG_MAX = 8, WRONG_ELEMENT = 7, SLOW_MAX = 256, CHOSEN_MAX = 64 };

struct rk_device {
    rk_device *own;
    struct {
        rk_kernel *kernel;
        uint32_t output; /* its number among the arguments */
    } wrong[WRONG_MAX];
    rk_kernel *slow[SLOW_MAX];
    uint32_t n_slow;
    long slow_us;
    struct {
        const rk_kernel *kernel;
        char how[16]; /* a choice, or "lazy", or "fast" */
        uint32_t output;
    } chosen[CHOSEN_MAX];
    uint32_t n_chosen, n_wrong, asked; /* asked: kernels that were asked for */
    long flip;                         /* launches that are right before the first wrong one */
    int once;                          /* there is one wrong launch */
    uint32_t bits;                     /* that are flipped */
    const rk_host *host;
    char fail[32];
    long count; /* calls of the function in fail that are left until it fails */
    rk_status status;
    int silent, lost, crash, hang;
};
#endif
