"""One training step of an MLP in PyTorch, for bench_step.sh to pair with rethink's.

Usage: bench_step.py [--hidden 512] [--layers 3] [--batch 128] [--inputs 2352] [--threads N] [--steps N]
Prints the median milliseconds of one step: batch gather, forward, loss, backward, SGD with momentum.
Data is resident and the batch is gathered by index, as in rethink; nothing is copied to the host.
"""
import argparse
import statistics
import time

import torch


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hidden", type=int, default=512)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--inputs", type=int, default=2352)
    p.add_argument("--classes", type=int, default=10)
    p.add_argument("--examples", type=int, default=2048)
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (a.examples, a.inputs), dtype=torch.uint8)
    shift = torch.rand(a.examples, 1) * 255
    scale = torch.rand(a.examples, 1) / 64
    label = torch.randint(0, a.classes, (a.examples,))
    order = torch.randperm(a.examples)
    sizes = [a.inputs] + [a.hidden] * a.layers
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], a.classes))
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step(k):
        at = (k * a.batch) % (a.examples - a.batch + 1)
        index = order[at:at + a.batch]
        x = (pixels[index].float() - shift[index]) * scale[index]
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), label[index]).backward()
        optimizer.step()

    for k in range(10):
        step(k)
    times = []
    for k in range(a.steps):
        begin = time.perf_counter()
        step(k)
        times.append((time.perf_counter() - begin) * 1e3)
    print(f"torch {torch.__version__} threads {torch.get_num_threads()} "
          f"step_ms {statistics.median(times):.4f}")


if __name__ == "__main__":
    main()
