"""usage: make_data.py idx|cifar DIR [LABEL]: tiny data sets in the real formats; with LABEL one
training example has it."""
import random
import struct
import sys
from pathlib import Path

kind, folder = sys.argv[1], Path(sys.argv[2])
wrong = int(sys.argv[3]) if len(sys.argv) > 3 else None
random.seed(1)


def labels(n, train):
    out = [random.randrange(10) for _ in range(n)]
    if wrong is not None and train:
        out[n // 2] = wrong
    return out


def idx(name, dims, data):
    head = struct.pack(">HBB", 0, 8, len(dims)) + struct.pack(f">{len(dims)}I", *dims)
    (folder / name).write_bytes(head + bytes(data))


if kind == "idx":
    for prefix, n in (("train", 40), ("t10k", 20)):
        idx(f"{prefix}-images-idx3-ubyte", (n, 8, 8), random.randbytes(n * 64))
        idx(f"{prefix}-labels-idx1-ubyte", (n,), labels(n, prefix == "train"))
else:
    # Of the real size, as the reader demands, and mostly holes: label 0, black.
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        with open(folder / f"{name}.bin", "wb") as f:
            f.truncate(10000 * 3073)
            for i, label in enumerate(labels(100, name == "data_batch_2")):
                f.seek(i * 3073)
                f.write(bytes([label]) + random.randbytes(3072))
