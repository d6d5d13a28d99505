#!/bin/sh
# Presets, their verdicts and their report.  RETHINK_TEST_STUDY=all: every experiment in miniature,
# with two seeds; it is set in one build, as the numbers are those of every other.
export RETHINK_PRESET_PATH="$SOURCE/plugins/presets"

# A preset of two variants that are trained in a moment.
tiny() {
    mkdir -p presets
    cat >presets/tiny.ini <<'END'
[preset]
doc = two variants
model = linear
data = synth16:n=60,test=20
device = cpu
[scale micro]
epochs = 2
[scale small]
epochs = 3
[grid]
seed = 1..2
[variant a]
lr = 0.05
[variant b]
lr = 0.01
randomize = labels:p=1
[claim sizes]
holds = parameters('a') = parameters('b')
[claim epochs]
says = As many as the scale says.
holds = epochs('a') = 2
[paper a @ micro]
source = nobody
epochs = 2 within 0
[figure Loss]
kind = curves
END
    export RETHINK_PRESET_PATH="$PWD/presets:$RETHINK_PRESET_PATH"
}

test_every_preset_lists_its_runs() {
    for file in "$SOURCE"/plugins/presets/*.ini; do
        name=$(basename "$file" .ini)
        works "$RETHINK" run "$name" --dry-run
        says '^[0-9]+ runs'
        for scale in $(sed -n 's/^\[scale \([a-z]*\)\]$/\1/p' "$file"); do
            path= # micro scales have no files, and some presets none at all
            [ "$scale" = micro ] || ! grep -q 'path=' "$file" || path=--data-path=/a,b
            # shellcheck disable=SC2086
            works "$RETHINK" run "$name" --scale "$scale" --dry-run $path
            says "^$name +$scale "
        done
    done
    works "$RETHINK" run table1 --scale full --dry-run --variant 'mlp*' --data-path /a
    says '^6 runs'
    says 'cifar10:path=/a,crop=28'
}

test_plan_as_json() {
    works "$RETHINK" run quickstart --dry-run --json --seed 5 --lr 0.25 --device cpu \
        --device 'opencl?' --threads 2
    checks '
import json
plan = json.load(open("stdout.txt"))
assert [r["variant"] for r in plan] == ["true labels", "shuffled pixels", "random pixels",
                                        "gaussian noise", "random labels"], plan
for r in plan:
    assert r["preset"] == "quickstart" and r["seed"] == 5 and r["lr"] == 0.25, r
    assert r["devices"] == ["cpu", "opencl?"] and "device" not in r, r
    assert r["threads"] == 2 and r["isa"] is None, r
assert plan[4]["randomize"] == "labels:p=1" and plan[0]["randomize"] == "", plan'
    [ ! -s stderr.txt ] || fail "$(cat stderr.txt)"
}

test_folders_of_two_data_sets() {
    works "$RETHINK" run sharpness --scale full --dry-run --data-path mnist=/m --data-path cifar10=/c
    says 'mnist:path=/m$'
    says 'cifar10:path=/c$'
    fails "no run has the data set of 'minst=/m'" \
        "$RETHINK" run sharpness --scale full --dry-run --data-path minst=/m
}

test_verdicts() {
    tiny
    works "$RETHINK" run tiny -q
    says '^tiny, micro: two variants$'
    says '^epochs +2 of 2 seeds +met '
    says '^a +epochs +2 +2 .* met$'
    says '^3 of 3 met$'
    works "$RETHINK" verdict
    works "$RETHINK" sweep tiny
    [ "$(grep -c '^tiny, micro: ' stdout.txt)" = 1 ] || fail "verdicts twice: $(cat stdout.txt)"
    works "$RETHINK" run tiny -q --scale small --seed 1
    says '^tiny, small .1 seed.'
    says '^epochs +0 of 1 seeds +NOT MET'
    code=0
    "$RETHINK" verdict >stdout.txt 2>&1 || code=$?
    [ "$code" = 1 ] || fail "exit status $code of a verdict that is not met"
    works "$RETHINK" verdict --scale micro --preset tiny --json
    checks '
import json
study, = json.load(open("stdout.txt"))
assert study["preset"] == "tiny" and study["scale"] == "micro" and study["verdict"] == "met"
assert [f["verdict"] for f in study["findings"]] == ["met"] * 3
assert study["findings"][2]["paper"] == 2 and study["findings"][2]["source"] == "nobody"'
}

test_changed_settings_are_another_study() {
    tiny
    works "$RETHINK" run tiny -q --epochs 1 --seed 1
    says '^tiny, micro .epochs=1. .1 seed.: two variants$'
    works "$RETHINK" run tiny -q --variant a --seed 1
    says '^sizes +- +not measured'
    fails "'c' matches no run" "$RETHINK" run tiny --variant c
}

# A claim over many seeds says nothing of the first one, and stops nothing.
test_first_of_many_seeds() {
    works "$RETHINK" run easy -q --seed 1 --data synth16:n=60,test=20 --model linear
    says '^0 of 3 met, 3 not measured$'
    works "$RETHINK" report
    code=0
    "$RETHINK" verdict --preset easy >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = 1 ] && [ ! -s stderr.txt ] || fail "exit status $code of verdict: $(cat stderr.txt)"
    says '^0 of 3 met, 3 not measured$'
}

test_misuse() {
    tiny
    fails 'tiny has no scale full: micro, small' "$RETHINK" run tiny --scale full
    fails "none of micro.small.full" "$RETHINK" verdict --scale huge
    fails 'does not exist' "$RETHINK" verdict none.sqlite
    small --out r.sqlite >/dev/null
    fails 'has no runs of a preset that claims anything' "$RETHINK" verdict r.sqlite
    sed 's/labels:p=1/labels:p=2/' presets/tiny.ini >presets/bad.ini
    fails 'bad.ini:16: .*p=2' "$RETHINK" run bad --dry-run
    sed "s/epochs('a')/epcohs('a')/" presets/tiny.ini >presets/bad.ini
    fails "bad.ini:21: .*no such function: epcohs; did you mean 'epochs'" "$RETHINK" run bad
}

test_report() {
    tiny
    works "$RETHINK" run tiny -q
    works "$RETHINK" report -o r.html
    checks '
import base64, re, struct, zlib
page = open("r.html").read()
assert "3 of 3 met" in page and "rethink run tiny --scale micro" in page
csv = base64.b64decode(re.search(r"data:text/csv;base64,([^\x27]+)", page)[1]).decode()
rows = csv.split()
assert rows[0] == "series,steps,steps_low,steps_high,train_loss,train_loss_low,train_loss_high"
assert len(rows) == 5 and rows[1].startswith("a,") and rows[4].startswith("b,")
images = re.findall(r"data:image/png;base64,([^\x27]+)", page)
assert len(images) == 2 and "not the data of the run" not in page
png = base64.b64decode(images[0])
assert png[:8] == b"\x89PNG\r\n\x1a\n"
at, data, kinds = 8, b"", []
while at < len(png):
    n, kind = struct.unpack(">I4s", png[at:at + 8])
    assert zlib.crc32(png[at + 4:at + 8 + n]) == struct.unpack(">I", png[at + 8 + n:at + 12 + n])[0]
    kinds.append(kind)
    data += png[at + 8:at + 8 + n] if kind == b"IDAT" else b""
    at += 12 + n
assert kinds == [b"IHDR", b"IDAT", b"IEND"]
width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
assert (width, height, depth, colour) == (8 * 18 - 2, 16, 8, 0)
assert len(zlib.decompress(data)) == (width + 1) * height
assert page.count("<s>") > 0'
}

# Runs that no label of the preset names, as of a setting that tells its variants apart, and those
# that are not done, are shown as runs of no preset are.
test_report_loses_no_run() {
    tiny
    works "$RETHINK" run tiny -q --randomize labels:p=0.5 --seed 1
    [ "$(sqlite3 rethink.sqlite 'select variant from runs')" = '' ] || fail 'it has a label'
    works "$RETHINK" report -o other.html
    checks '
page = open("other.html").read()
assert "two variants" not in page and " met</b>" not in page
assert page.count("<section>") == 3 and page.count("random labels, p = 0.5</span>") == 2'
    works "$RETHINK" run tiny -q
    works "$RETHINK" run tiny -q --seed 1 --variant a
    sqlite3 rethink.sqlite "update runs set status = 'stopped' where id = (select max(id) from runs)"
    works "$RETHINK" report
    checks '
page = open("report.html").read()
assert page.count("two variants") == 1 and "3 of 3 met" in page
assert page.count("<section>") == 4 and page.count("true labels</span>") == 1'
}

# strips PAGE N: it shows images of N variants, which are those of their runs.
strips() {
    [ "$(grep -o 'data:image/png' "$1" | wc -l)" = "$2" ] || fail "$1 has no $2 strips of images"
    ! grep -q 'not the data of the run' "$1" || fail "$1: not the data of the run"
    stands_alone "$1"
}

# Images whose pixels are in no array are read from where they come from.
test_report_of_images_that_are_not_in_memory() {
    tiny
    works "$RETHINK" run tiny -q --data noise:n=60,test=20,classes=10,size=28 --seed 1 --out noise.sqlite
    works "$RETHINK" report noise.sqlite -o noise.html
    strips noise.html 2
    "$E2E/make_images" folder 30 3 20
    works "$RETHINK" run tiny -q --data imagefolder:path=folder,size=16,resident=no --seed 1 \
        --out folder.sqlite
    works "$RETHINK" report folder.sqlite -o folder.html
    strips folder.html 2
    rm -r folder
    works "$RETHINK" report folder.sqlite -o gone.html
    strips gone.html 0
}

# What would take long to make again is left out.
test_report_of_large_data() {
    tiny
    works "$RETHINK" run tiny -q --seed 1
    sqlite3 rethink.sqlite 'update runs set train_examples = 1000000'
    works "$RETHINK" report
    strips report.html 0
}

# The data are made again with all that they depend on.
test_report_shows_the_data_of_the_runs() {
    tiny
    works "$RETHINK" run tiny -q --randomize-seed 7 --eval-labels corrupted --variant b
    works "$RETHINK" run tiny -q --randomize-seed 7
    works "$RETHINK" run tiny -q --eval-labels corrupted --variant b
    works "$RETHINK" report
    strips report.html 4
}

# Claims of presets hold of two seeds, those of easy and memorization of all that they take.
test_experiments_in_miniature() {
    presets=fig1a
    [ "${RETHINK_TEST_STUDY-}" = all ] &&
        presets='fig1a cnn corruption batchnorm patterns table1 knobs sam scores memorize noise
                 theorem1 min-norm kernel rademacher csr sensitivity sharpness alpha-scale
                 double-descent margins ntk flatness'
    for p in $presets; do
        works "$RETHINK" sweep "$p" --scale micro --seeds 1..2 --jobs 2 --quiet
        "$RETHINK" verdict --preset "$p" >verdict.txt || fail "$(cat verdict.txt)"
    done
    [ "${RETHINK_TEST_STUDY-}" = all ] || return 0
    "$RETHINK" sweep easy --scale micro --seeds 1..2 --jobs 2 >verdict.txt
    grep -q '^0 of 3 met, 3 not measured$' verdict.txt || fail "$(cat verdict.txt)"
    for p in easy memorization; do
        works "$RETHINK" sweep "$p" --scale micro --jobs 2 --quiet
        "$RETHINK" verdict --preset "$p" >verdict.txt || fail "$(cat verdict.txt)"
    done
}

. "$(dirname "$0")/lib.sh"
