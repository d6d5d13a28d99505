"""One training step of a model in PyTorch, as a peer of bench_step.

usage: bench_step.py FILE.safetensors [--batch 128] [--threads N] [--steps 40] [--channels-last]
                     [--device cuda] [--tf32]

FILE is model_gradients' and says which model, with which parameters.  Prints the median milliseconds
of one step: batch gather, forward, loss, backward, SGD with momentum; and the peak resident size of
the process.  Data is resident and the batch is gathered by index, as in rethink; nothing is copied to
the host.  On a GPU it is the mean of steps that follow each other without waiting, cuDNN chooses its
algorithms by trial, and products are of fp32 unless --tf32 is given.  Needs torch and numpy."""
import argparse
import resource
import statistics
import time

import torch
import torch.nn.functional as F

from bench_torch_grad import MODELS, Net, read

EXAMPLES = 2048


class Trained(Net):
    """The models of bench_torch_grad.py, with the batch norm that PyTorch's users train with."""

    def __init__(self, params, args):
        super().__init__(params, args, None)
        self.running = {}

    def norm(self, x, name, eps):
        if name not in self.running:
            self.running[name] = (torch.zeros(x.shape[1], device=x.device),
                                  torch.ones(x.shape[1], device=x.device))
        mean, variance = self.running[name]
        return F.batch_norm(x, mean, variance, self.p.get(name + "/scale"),
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

    def run(self, k):
        at = (k * self.batch) % (EXAMPLES - self.batch + 1)
        index = self.order[at:at + self.batch]
        x = (self.pixels[index].float() - self.shift[index]) * self.scale[index]
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(self.net, x.to(memory_format=self.layout))
        F.cross_entropy(logits, self.label[index]).backward()
        self.optimizer.step()


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


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--device", default="cpu")
    p.add_argument("--tf32", action="store_true")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = a.tf32
    layout = torch.channels_last if a.channels_last else torch.contiguous_format
    step = Step(a.file, a.batch, layout, a.device)
    for k in range(min(3, a.steps)):
        step.run(k)
    ms = (on_host if a.device == "cpu" else on_gpu)(step, a.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    how = " channels last" * a.channels_last + " tf32" * a.tf32
    print(f"torch {torch.__version__} {a.device}{how} threads {torch.get_num_threads()} "
          f"step_ms {ms:.4f} peak_mib {peak:.0f}")


if __name__ == "__main__":
    main()
