#!/usr/bin/env python3
"""Loss and gradients of model_gradients' step against PyTorch, in single and double precision.

usage: bench_torch_grad.py FILE.safetensors...

The models are written here once more, from the papers and PyTorch's functions.  For every file a
line: the relative difference of the loss, and the largest of |g - g'| / |g'| over the tensors, g'
being PyTorch's in double precision.

At a kink, a relu near 0 or two near elements of a max-pool, rounding decides which way a step goes,
and the gradient jumps: among millions of activations a few always are that near.  So PyTorch takes
the branches of the file; how many it would not have taken by itself is printed, with how far from
the kink the farthest was.  Without that PyTorch's own single precision is as far from its double
precision as the last figure says.

A tensor whose true gradient is below 1e-6 of the whole is compared with the whole: a bias before a
batch norm has gradient 0, and no precision computes that.  Exit status 1 if a difference is above
1e-4, or a branch farther than that from its kink.  Needs torch and numpy, any version."""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

LIMIT = 1e-4


def read(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header, data = json.loads(f.read(size)), f.read()
    notes = header.pop("__metadata__")
    types = {"F32": np.float32, "U32": np.uint32, "U8": np.uint8}
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], types[t["dtype"]]).reshape(t["shape"])
    return notes, tensors


class Net:
    """What the models share: parameters by name, the branches to take (none: by itself), and what
    was seen: batch statistics, branches against PyTorch's own choice."""

    def __init__(self, params, args, branches):
        self.p, self.args, self.stats, self.branches = params, args, {}, branches
        self.flips, self.farthest = 0, 0.0

    def flipped(self, distance):
        distance = distance[distance > 0]
        self.flips += len(distance)
        self.farthest = max([self.farthest, *distance.tolist()])

    def relu(self, x):
        if self.branches is None:
            return F.relu(x)
        mask = torch.tensor(next(self.branches) != 0)
        self.flipped(torch.where((x > 0) != mask, x, 0).detach().abs() / x.detach().std())
        return x * mask

    def dense(self, x, name):
        return F.linear(x, self.p[name + "/weight"], self.p[name + "/bias"])

    def conv(self, x, name, stride=1, pad=None):
        w = self.p[name + "/weight"]
        if pad is None:
            left, right, top, bottom = self.same(x, w.shape[2], stride)
            pad = (top, left)
            if left != right or top != bottom:  # a copy, which conv2d's own padding saves
                x, pad = F.pad(x, (left, right, top, bottom)), 0
        return F.conv2d(x, w, self.p.get(name + "/bias"), stride, pad)

    def norm(self, x, name, eps):
        self.stats[name + "/mean"] = 0.1 * x.mean((0, 2, 3))
        self.stats[name + "/variance"] = 0.1 * x.var((0, 2, 3), unbiased=False)
        return F.batch_norm(x, None, None, self.p.get(name + "/scale"),
                            self.p.get(name + "/shift"), True, 0.1, eps)

    @staticmethod
    def same(x, k, stride):
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // stride) - 1) * stride + k - side, 0)
            pads += [total // 2, total - total // 2]
        return pads

    def pool(self, x):
        assert all(p < 1 for p in self.same(x, 3, 2)[::2])  # so ceil_mode does what padding would
        y = F.max_pool2d(x, 3, 2, ceil_mode=True)
        if self.branches is None:
            return y
        index = torch.tensor(next(self.branches).astype(np.int64)).flatten(2)
        taken = x.flatten(2).gather(2, index).reshape(y.shape)
        self.flipped((y - taken).detach() / x.detach().std())
        return taken


def alexnet(n, x):
    for name in ("conv1", "conv2"):
        x = n.pool(n.relu(n.conv(x, name)))
        if n.args["lrn"] == "on":
            x = F.local_response_norm(x, 9, alpha=0.001, beta=0.75, k=1.0)
    x = n.relu(n.dense(x.flatten(1), "hidden1"))
    return n.dense(n.relu(n.dense(x, "hidden2")), "output")


def inception(n, x):
    def module(x, name):
        if name + "/conv1/weight" in n.p:
            x = torch.cat([n.conv(x, name + "/conv1"), n.conv(x, name + "/conv3")], 1)
            return act(x, name)
        joined = act(n.conv(x, name + "/conv3", 1 if name == "first" else 2), name)
        return joined if name == "first" else torch.cat([joined, n.pool(x)], 1)

    def act(x, name):
        return n.relu(x if n.args["bn"] == "off" else n.norm(x, name + "/bn", 1e-3))

    for i in range(1, 12):
        x = module(x, "first" if i == 1 else f"down{i}" if i in (4, 9) else f"inception{i}")
    return n.dense(x.mean((2, 3)), "output")


def wrn(n, x):
    x = n.conv(x, "conv1", 1, 1)
    for group in (1, 2, 3):
        for i in range(1, (int(n.args["depth"]) - 4) // 6 + 1):
            name, stride = f"group{group}/block{i}", 2 if i == 1 and group > 1 else 1
            h = n.relu(n.norm(x, name + "/bn1", 1e-5))
            if name + "/shortcut/weight" in n.p:
                x = n.conv(h, name + "/shortcut", stride, 0)
            h = n.relu(n.norm(n.conv(h, name + "/conv1", stride, 1), name + "/bn2", 1e-5))
            x = x + n.conv(h, name + "/conv2", 1, 1)
    return n.dense(n.relu(n.norm(x, "bn", 1e-5)).mean((2, 3)), "output")


def mlp(n, x):
    x = x.flatten(1)
    for i in range(1, int(n.args["layers"]) + 1):
        x = n.relu(n.dense(x, f"hidden{i}"))
    return n.dense(x, "output")


MODELS = {"alexnet": alexnet, "inception": inception, "wrn": wrn, "mlp": mlp,
          "linear": lambda n, x: n.dense(x.flatten(1), "output")}


def torch_step(notes, tensors, dtype, follow):
    """Loss, gradients and statistics, as model_gradients names them, in double precision; and the
    net.  follow: by the file's branches."""
    model, _, text = notes["model"].partition(":")
    names = [t[len("gradient/"):] for t in tensors if t.startswith("gradient/")]
    params = {t: torch.tensor(tensors[t]).to(dtype).requires_grad_() for t in names}
    branches = (tensors[f"branch/{i}"] for i in range(len(tensors)) if follow)
    net = Net(params, dict(part.split("=") for part in text.split(",") if part),
              branches if follow else None)
    logits = MODELS[model](net, torch.tensor(tensors["x"]).to(dtype))
    loss = F.cross_entropy(logits, torch.tensor(tensors["label"].astype(np.int64)))
    loss.backward()
    out = {"gradient/" + t: p.grad for t, p in params.items()} | net.stats | {"loss": loss}
    return {t: v.detach().double().numpy() for t, v in out.items()}, net


def differences(got, want):
    """Relative difference of the loss; the worst other tensor's, and its name."""
    norm = {t: np.linalg.norm(v) for t, v in want.items()}
    whole = np.sqrt(sum(v * v for t, v in norm.items() if t.startswith("gradient/")))
    worst, where = 0.0, ""
    for t, v in want.items():
        if t == "loss":
            continue
        scale = norm[t] if norm[t] > 1e-6 * whole else whole
        d = np.linalg.norm(got[t].reshape(v.shape).astype(np.float64) - v) / scale
        if not d <= worst:
            worst, where = d, t
    return abs(got["loss"].reshape(()) / want["loss"] - 1), worst, where


def main():
    bad = False
    print(f"PyTorch {torch.__version__}")
    for path in sys.argv[1:]:
        notes, tensors = read(path)
        want, net = torch_step(notes, tensors, torch.float64, True)
        loss, worst, where = differences(tensors, want)
        single = torch_step(notes, tensors, torch.float32, False)[0]
        peer = differences(single, torch_step(notes, tensors, torch.float64, False)[0])
        print(f"{notes['model']} on {notes['device']}, batch {len(tensors['x'])}: "
              f"{len(want) - 1} tensors, loss {loss:.1e}, worst {worst:.1e} ({where}); "
              f"{net.flips} branches flipped, within {net.farthest:.1e}; "
              f"PyTorch's single precision by itself {peer[1]:.1e}", flush=True)
        bad |= not (loss <= LIMIT and worst <= LIMIT and net.farthest <= LIMIT)
    return bad


if __name__ == "__main__":
    sys.exit(main())
