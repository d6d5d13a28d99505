"""One training step of models in PyTorch, as a peer of bench_step.

usage: bench_step.py FILE.safetensors... [--batch 128] [--threads N] [--steps 40] [--rounds 1]
                     [--device cuda] [--channels-last] [--tf32] [--graph] [--variants LIST]

A FILE is model_gradients' and says which model, with which parameters.  For each a line with the
median, the least and the most milliseconds of one step over the rounds: batch gather, forward, loss,
backward, SGD with momentum; and the peak resident size of the process.  Data is resident and the
batch is gathered by index, as in rethink; nothing is copied to the host.  A round is the median of
its steps; on a GPU the mean of steps that follow each other without waiting, where cuDNN chooses its
algorithms by trial.  Products are of fp32 unless --tf32 is given.  Variables of the environment
that hold a library to older instructions are named in the line.  With --graph a step is captured
once, as a CUDA graph, and replayed: without PyTorch's own time between launches.

--variants is a list of ways to do it, in place of --channels-last, --tf32 and --graph: fp32 or tf32,
with -nhwc and -graph as wanted, e.g. fp32,fp32-nhwc,tf32-nhwc-graph.  One that fails does not end
the others: its line says why, and the exit status is 1.  Needs torch and numpy."""
import argparse
import gc
import os
import pathlib
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from bench_torch_grad import MODELS, Net, read

EXAMPLES = 2048
HELD_BY = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_DEBUG_CPU_TYPE",
           "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")


class Trained(Net):
    """The models of bench_torch_grad.py, with the batch norm that PyTorch's users train with."""

    def __init__(self, params, args):
        super().__init__(params, args, None)
        self.running = {}

    def norm(self, x, name, eps):
        if name not in self.running:
            ones = torch.ones(x.shape[1], device=x.device)
            self.running[name] = torch.zeros_like(ones), ones.clone(), ones
        mean, variance, ones = self.running[name]
        # cuDNN's gradient wants a scale where there is a shift.
        return F.batch_norm(x, mean, variance, self.p.get(name + "/scale", ones),
                            self.p.get(name + "/shift"), True, 0.1, eps)


class Step:
    def __init__(self, path, batch, layout, device):
        notes, tensors = read(path)
        model, _, text = notes["model"].partition(":")
        names = [t[len("gradient/"):] for t in tensors if t.startswith("gradient/")]
        params = {t: torch.tensor(tensors[t], device=device) for t in names}
        self.layout = layout if tensors["x"].ndim == 4 else torch.contiguous_format
        for t, p in params.items():
            params[t] = (p.to(memory_format=self.layout) if p.ndim == 4 else p).requires_grad_()
        self.net = Trained(params, dict(part.split("=") for part in text.split(",") if part))
        self.model, self.batch = MODELS[model], batch
        self.optimizer = torch.optim.SGD(params.values(), lr=0.01, momentum=0.9)
        shape = (EXAMPLES, *tensors["x"].shape[1:])
        self.pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
        self.shift = torch.rand(EXAMPLES, 1, 1, 1, device=device) * 255
        self.scale = torch.rand(EXAMPLES, 1, 1, 1, device=device) / 64
        self.label = torch.randint(0, 10, (EXAMPLES,), device=device)
        self.order = torch.randperm(EXAMPLES, device=device)

    def index(self, k):
        at = (k * self.batch) % (EXAMPLES - self.batch + 1)
        return self.order[at:at + self.batch]

    def learn(self, index):
        x = (self.pixels[index].float() - self.shift[index]) * self.scale[index]
        logits = self.model(self.net, x.to(memory_format=self.layout))
        F.cross_entropy(logits, self.label[index]).backward()
        self.optimizer.step()

    def run(self, k):
        self.optimizer.zero_grad(set_to_none=True)
        self.learn(self.index(k))


class GraphStep(Step):
    """The step as a CUDA graph, as PyTorch's notes on whole-network capture ask: what is made on
    first use is made on a side stream before the capture, and the gradients during it, so that they
    lie in the graph's own memory; a replay reads the batch's index from where the capture did."""

    def __init__(self, *args):
        super().__init__(*args)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for k in range(3):
                super().run(k)
        torch.cuda.current_stream().wait_stream(side)
        self.static = self.index(0).clone()
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.learn(self.static)

    def run(self, k):
        self.static.copy_(self.index(k))
        self.graph.replay()


def on_host(step, steps):
    times = []
    for k in range(steps):
        begin = time.perf_counter()
        step.run(k)
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times)


def on_gpu(step, steps):
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for k in range(steps):
        step.run(k)
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) * 1e3 / steps


def measure(path, variant, a):
    """Milliseconds of each round."""
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = "tf32" in variant
    layout = torch.channels_last if "nhwc" in variant else torch.contiguous_format
    step = (GraphStep if "graph" in variant else Step)(path, a.batch, layout, a.device)
    for k in range(min(3, a.steps)):
        step.run(k)
    round_of = on_gpu if torch.device(a.device).type == "cuda" else on_host
    return [round_of(step, a.steps) for _ in range(a.rounds)]


def report(path, variant, a):
    """Prints the line of a variant; false if it failed."""
    head = " ".join(["torch", torch.__version__, a.device, pathlib.Path(path).stem,
                     "-".join(variant)] + [f"{v}={os.environ[v]}" for v in HELD_BY if v in os.environ])
    try:
        ms = measure(path, variant, a)
    except Exception as why:
        print(f"{head} failed: {type(why).__name__}: {' '.join(str(why).split())}", flush=True)
        return False
    finally:
        gc.collect()  # a graph's memory, and what a failure held
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{head} threads {torch.get_num_threads()} step_ms {statistics.median(ms):.4f} "
          f"least {min(ms):.4f} most {max(ms):.4f} rounds {len(ms)} peak_mib {peak:.0f}", flush=True)
    return True


def variants_of(p, a):
    """Each as its words: the precision, then what else is wanted."""
    flags = ["tf32" if a.tf32 else "fp32"] + ["nhwc"] * a.channels_last + ["graph"] * a.graph
    if a.variants and flags != ["fp32"]:
        p.error("--variants takes the place of --channels-last, --tf32 and --graph: give one or "
                "the other")
    variants = [v.split("-") for v in a.variants.split(",")] if a.variants else [flags]
    for v in variants:
        name, more = "-".join(v), v[1:]
        if v[0] not in ("fp32", "tf32") or not set(more) <= {"nhwc", "graph"} \
                or len(set(more)) < len(more):
            p.error(f"variant '{name}' is not fp32 or tf32, with -nhwc or -graph or both")
        if "graph" in more and torch.device(a.device).type != "cuda":
            p.error(f"variant '{name}' needs --device cuda: there are no CUDA graphs on {a.device}")
    return variants


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file", nargs="+")
    p.add_argument("--batch", type=positive, default=128)
    p.add_argument("--steps", type=positive, default=40)
    p.add_argument("--rounds", type=positive, default=1)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--device", default="cpu")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--tf32", action="store_true")
    p.add_argument("--graph", action="store_true")
    p.add_argument("--variants", default="")
    a = p.parse_args()
    variants = variants_of(p, a)
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.backends.cudnn.benchmark = True
    good = [report(path, v, a) for path in a.file for v in variants]
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
