#!/usr/bin/env python3
"""The metric of Pennycook, Sewall and Lee, from the CSV alone, against what rethink says.

usage: bench_pp.py FILE.csv FILE.json, of 'rethink export --benches'.  Application efficiencies are
computed from figures of merit; what has none did not run, and has an efficiency of 0, as for the
library p3-analysis, whose columns these are."""
import csv
import json
import math
import sys


def number(text):
    return float(text) if text else math.nan


def close(a, b):
    return math.isnan(a) and math.isnan(b) or math.isclose(a, b, rel_tol=1e-12)


def metric(efficiencies):
    """The harmonic mean over all platforms, 0 if one is not supported."""
    if 0 in efficiencies:
        return 0.0
    if any(math.isnan(e) for e in efficiencies):
        return math.nan
    return len(efficiencies) / sum(1 / e for e in efficiencies)


def main():
    with open(sys.argv[1], newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    with open(sys.argv[2], encoding="utf-8") as f:
        said = json.load(f)["portability"]
    platforms = {r["platform"] for r in rows}
    best, found = {}, {}
    for r in rows:
        at = r["problem"], r["platform"]
        if r["fom"]:
            best[at] = min(best.get(at, math.inf), float(r["fom"]))
    for r in rows:
        key = r["problem"], r["application"]
        app = best[r["problem"], r["platform"]] / float(r["fom"]) if r["fom"] else 0.0
        assert close(app, float(r["app eff"])), r
        assert r["fom"] or float(r["arch eff"]) == 0, r
        of = found.setdefault(key, {})
        assert r["platform"] not in of, f"twice: {r}"
        of[r["platform"]] = app, number(r["arch eff"])
    assert len(said) == len(found) > 0, (len(said), len(found))
    for s in said:
        of = found[s["problem"], s["application"]]
        assert set(of) == platforms and len(of) == s["platforms"], s
        for i, name in enumerate(["app pp", "arch pp"]):
            want = math.nan if s[name] is None else s[name]
            assert close(metric([e[i] for e in of.values()]), want), (s, of)
    print(len(said), "agree")


if __name__ == "__main__":
    main()
