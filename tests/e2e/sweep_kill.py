#!/usr/bin/env python3
"""usage: sweep_kill.py KILLS COMMAND...

Runs the sweep of COMMAND (with --out added) whole, then again while it is killed with -9 at KILLS
random moments, and started again at once each time; at the end both files must hold the same runs with
the same digests, and the same weights.

Every kill hits while the sweep runs, on slow machines and fast ones: a moment is not a time but
'when so many epochs are on record, and a fraction of an epoch later', or a fraction of the time
that passes before the first one, so that starts are hit, too."""
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

KILLS, COMMAND = int(sys.argv[1]), sys.argv[2:]


def start(out):
    return subprocess.Popen(COMMAND + ["--out", out], stdout=subprocess.DEVNULL,
                            stderr=open("err.txt", "ab"))


def rows(path):
    """Epochs on record."""
    if not Path(path).exists():
        return 0
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return db.execute("SELECT count(*) FROM epochs").fetchone()[0]
        finally:
            db.close()
    except sqlite3.OperationalError:  # not yet a database, or no tables
        return 0


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, state, parent = parse(stat)
        except OSError:
            continue
        if parent == pid and state != "Z":
            found.append(number)
    return found


def parse(stat):
    head, _, rest = stat.read_text().rpartition(")")
    state, parent = rest.split()[:2]
    return int(head.split()[0]), state, int(parent)


def alive(pid):
    try:
        return parse(Path(f"/proc/{pid}/stat"))[1] not in "ZX"
    except OSError:
        return False


def whole():
    """How long until the first epoch is on record, how long an epoch takes, how many there are."""
    begin, first = time.monotonic(), None
    process = start("whole.sqlite")
    while process.poll() is None:
        if first is None and rows("whole.sqlite"):
            first = time.monotonic()
        time.sleep(0.01)
    assert process.returncode == 0, f"status {process.returncode}: {Path('err.txt').read_text()}"
    end, n = time.monotonic(), rows("whole.sqlite")
    first = first or end
    return first - begin, (end - first) / n, n


def kill(process, moment):
    """Waits for the moment; true if the sweep was running then."""
    while process.poll() is None and not moment():
        time.sleep(0.01)
    hit = process.poll() is None
    family = children(process.pid)
    process.kill()
    process.wait()
    return hit, family


def moments(before, epoch, n):
    """After a fraction of the start; or when so many epochs are on record, and a fraction of one
    more is past.  The last is far from the end."""
    early = KILLS // 3
    targets = sorted(random.sample(range(1, n * 3 // 4), KILLS - early))
    for _ in range(early):
        wait = random.uniform(0, before)
        begin = time.monotonic()
        yield lambda: time.monotonic() - begin >= wait
    for target in targets:
        late = []
        wait = random.uniform(0, epoch)

        def reached():
            if not late and rows("killed.sqlite") >= target:
                late.append(time.monotonic() + wait)
            return late and time.monotonic() >= late[0]
        yield reached


def contents(path):
    db = sqlite3.connect(path)
    runs = db.execute("SELECT id, variant, seed, device, status, epochs_done, fit_epoch, "
                      "train_accuracy, test_accuracy, train_loss, test_loss, digest, data_digest, "
                      "label_digest, config FROM runs ORDER BY variant, seed, device").fetchall()
    out = []
    for run in runs:
        assert run[4] == "done", run
        epochs = db.execute("SELECT epoch, digest, steps, rate, online_loss, train_loss, "
                            "test_loss FROM epochs WHERE run = ? ORDER BY epoch", run[:1])
        weights = Path(f"{path}.runs/{run[0]}/weights.safetensors").read_bytes()
        length = int.from_bytes(weights[:8], "little")
        out.append((run[1:], epochs.fetchall(), weights[8 + length:]))
    return out


def main():
    before, epoch, n = whole()
    hits, families, begun = 0, [], time.monotonic()
    for moment in moments(before, epoch, n):
        hit, family = kill(start("killed.sqlite"), moment)
        hits += hit
        families += family
    # By construction all hit; a machine that stands still for a moment may let one slip.
    assert hits >= KILLS - 2, f"only {hits} kills while it was running"
    process = start("killed.sqlite")
    assert process.wait() == 0, f"status {process.returncode}: {Path('err.txt').read_text()}"
    while any(alive(pid) for pid in families):
        assert time.monotonic() - begun < 300, "children of killed sweeps are still there"
        time.sleep(0.05)
    a, b = contents("whole.sqlite"), contents("killed.sqlite")
    assert len(a) == len(b), f"{len(a)} runs, {len(b)} after kills"
    for x, y in zip(a, b):
        assert x == y, f"{x[0]} {y[0]}"
    print(f"{hits} kills hit, {len(families)} children were killed with their sweeps")


if __name__ == "__main__":
    main()
