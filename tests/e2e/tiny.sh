# A tiny run and its digests, for the tests that compute it in several ways.

# tiny NAME OPTION...: trains a small network and leaves what its epochs computed, digests before all,
# in NAME.digests.
tiny() {
    name=$1
    shift
    works "$RETHINK" run --model mlp:hidden=24,layers=2 --data synth16:n=70,test=20 \
        --randomize labels:p=0.5 --batch 32 --epochs 2 --lr 0.05 --lr-decay 0.9 --seed 5 \
        --numerics exact --quiet --out "$name.sqlite" "$@"
    works "$RETHINK" export --json --out "$name.sqlite"
    checks '
import json
runs = json.load(open("stdout.txt"))
assert len(runs) == 1 and runs[0]["status"] == "done"
for row in runs[0]["history"]:
    print(*(row[key] for key in sorted(row) if key != "seconds"))' <stdout.txt >"$name.digests"
    [ "$(wc -l <"$name.digests")" = 2 ] || fail "$name: not two epochs"
}

# same NAME OPTION...: as the first run, which must have been made as "cpu".
same() {
    tiny "$@"
    cmp -s cpu.digests "$1.digests" ||
        fail "$1: $(tr '\n' ' ' <"$1.digests")differ from cpu: $(tr '\n' ' ' <cpu.digests)"
}
