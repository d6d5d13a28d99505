/* Suite 'step': a training step of the shipped models on made-up data. */
#include "bench/steps.h"
#include "device/device.h"

enum { NORMAL = 4, COLD = 2 }; /* of the paper's sizes; all of them are full; one is started cold */

/* In the order in which they matter.  Data of so many whole batches, so that there is one program
 * of a step. */
#define SMALL .data = "synth16:n=512,test=16", .image = "16x16x1", .batch = 128, .rate = 0.01
#define PAPER .data = "noise-kept:n=512,test=16", .image = "28x28x3", .batch = 128, .rate = 0.01
static const rk_workload small[] = {{.model = "mlp:layers=3,hidden=64", SMALL},
                                    {.model = "cnn:filters1=8,filters2=16", SMALL}};
static const rk_workload paper[] = {
    {.model = "mlp:layers=3", PAPER},     {.model = "alexnet", PAPER},
    {.model = "inception", PAPER},        {.model = "wrn:depth=16,width=4", PAPER},
    {.model = "inception:bn=off", PAPER}, {.model = "mlp:layers=1", PAPER}};

static uint32_t workloads(rk_bench_size size, const rk_workload **out)
{
    *out = size == RK_BENCH_QUICK ? small : paper;
    if (size == RK_BENCH_QUICK) return sizeof small / sizeof *small;
    return size == RK_BENCH_NORMAL ? NORMAL : sizeof paper / sizeof *paper;
}

static rk_status measure(rk_step_run *r, rk_error *e)
{
    rk_status status = rk_step_run_measure(r, e);
    if (status == RK_OK) status = rk_step_run_give(r, e);
    rk_step_run_close(r);
    return status;
}

rk_status rk_bench_cold_measure(rk_bench_case *c, rk_error *e)
{
    const rk_workload *work;
    rk_error why = rk_error_new();
    if (!rk_bench_begins_cold(c)) return RK_OK;
    if (workloads(c->options->size, &work) > COLD) work += COLD;
    rk_step_run r = {.c = c, .work = work};
    rk_step_tier x = {.numerics = RK_NUMERICS_EXACT};
    RK_TRY(rk_bench_progress(c, work->model, 0, e));
    if (rk_step_run_cold(&r, &x, &why) == RK_OK)
        c->cold = (rk_bench_cold){work->model, x.plan[0], x.first[0]};
    return RK_OK;
}

rk_status rk_bench_steps(const rk_bench_case *c, rk_error *e)
{
    const rk_workload *work;
    uint32_t n = workloads(c->options->size, &work), device;
    double begun = rk_bench_now();
    rk_status status = RK_OK;
    rk_energy *sensor;
    char text[256];
    RK_TRY(rk_hub_find(c->hub, c->spec, &device, e));
    rk_energy_open("", NULL, &c->hub->devices[device].info, &sensor, text, sizeof text);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        double used = rk_bench_now() - begun, left = c->options->seconds - used;
        rk_step_run r = {.c = c, .work = &work[i], .sensor = sensor, .sensor_text = text};
        r.deadline = begun + used + left / (n - i);
        /* The first one is measured, whatever it takes. */
        status = i > 0 && left <= 0 ? rk_workload_skip(c, &work[i], "step", e) : measure(&r, e);
    }
    rk_energy_close(sensor);
    return status;
}
