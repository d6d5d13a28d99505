/* lab_own.h: what a lab is made of, for the files that implement diagnose.h. */
#ifndef RK_TRAIN_LAB_OWN_H
#define RK_TRAIN_LAB_OWN_H
#include "train/lab.h"

/* A buffer of the model that is not trained, as a running average. */
typedef struct rk_lab_statistic {
    const char *name;
    uint64_t bytes;
    const void *data;
} rk_lab_statistic;

/* Weights of another run that were asked for. */
typedef struct rk_lab_others {
    const char *run;
    const float *weights;
    struct rk_lab_others *next;
} rk_lab_others;

struct rk_lab {
    rk_hub *hub;
    rk_trainer *trainer;
    const rk_config *config;
    rk_lab_watch watch;
    rk_pool pool; /* of all that follows */
    rk_lab_tensor *tensor;
    rk_lab_statistic *statistic;
    uint32_t n_tensors, n_statistics;
    int64_t size;
    float *weights, *initial;
    rk_lab_others *others;
    uint64_t bytes; /* of device memory that jobs have now */
    /* While a diagnostic runs: */
    const rk_spec *running;
    rk_lab_report *report;
    uint32_t cap_values, cap_points, cap_notes;
    rk_error mistake; /* the first of its reports */
};

/* RK_E_STOPPED if the user asked to stop; what is wrong with a report if something is. */
rk_status rk_lab_go_on(rk_lab *lab, rk_error *e);
/* A job takes so much more device memory, or less. */
void rk_lab_count_bytes(rk_lab *lab, uint64_t more, uint64_t less);
/* Does a program of the job use this input or state? */
bool rk_job_has(const rk_job *job, const char *buffer);
#endif
