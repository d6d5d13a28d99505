/* clblast.h: the library itself, and sets of parameters for its product; for clblast*.c.
 *
 * CLBlast keeps the parameters of a device for the whole process, and none of its C functions tells
 * what they were or puts them back.  So there are two instances of the library, each with memory of
 * its own: the usual one, whose parameters nobody touches, and one for products with a set of ours;
 * OpenCL's objects know their driver, so that both work with the same ones.
 * In that one the set of a kernel is made the device's before anything is asked of it, if another
 * one is; programs are kept by the values of the parameters, so that nothing is compiled again.
 * Everything here is called with the lock of clblast.c. */
#ifndef RETHINK_OPENCL_CLBLAST_H
#define RETHINK_OPENCL_CLBLAST_H
#include "opencl.h"

typedef int blast_sgemm(int layout, int ta, int tb, size_t m, size_t n, size_t k, float alpha,
                        cl_mem a, size_t a_at, size_t a_ld, cl_mem b, size_t b_at, size_t b_ld,
                        float beta, cl_mem c, size_t c_at, size_t c_ld, cl_command_queue *,
                        cl_event *, cl_mem temp);
typedef int blast_temp_size(int layout, int ta, int tb, size_t m, size_t n, size_t k, size_t a_at,
                            size_t a_ld, size_t b_at, size_t b_ld, size_t c_at, size_t c_ld,
                            cl_command_queue *, size_t *bytes);
typedef int blast_clear(void);
typedef int blast_override(cl_device_id, const char *kernel, int precision, size_t n,
                           const char **name, const size_t *value);

typedef struct blast_library {
    blast_sgemm *sgemm;
    blast_temp_size *temp_size;
    blast_clear *clear;
    blast_override *override;
    char version[32];
} blast_library;

/* own: an instance that shares nothing with the usual one.  0: *why says why not. */
int ocl_blast_load(blast_library *, int own, char why[256]);
/* Makes a set the device's.  0: *why says why not. */
int ocl_blast_use(const blast_library *, const rk_device *, uint32_t set, char why[256]);
#endif
