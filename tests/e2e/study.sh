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

# However long what was changed is: all of it tells studies apart.
test_long_changes() {
    tiny
    data=synth16:n=60,test=20,seed=$(printf %0250d 7)
    for epochs in 1 2; do
        works "$RETHINK" run tiny -q --data "$data" --epochs $epochs --seed 1
        says "^tiny, micro .data=.{250,}7, epochs=$epochs. .1 seed."
    done
    "$RETHINK" verdict --json >stdout.txt || true
    checks '
import json
first, second = json.load(open("stdout.txt"))
assert first["changed"].endswith("epochs=1") and second["changed"].endswith("epochs=2")
assert [s["findings"][1]["verdict"] for s in (first, second)] == ["not met", "met"]'
    works "$RETHINK" report -o r.html
    [ "$(grep -c '<h2>two variants' r.html)" = 2 ] || fail 'studies are mixed'
}

# What cannot be judged, and what was not measured, keeps nothing else from its verdict.
test_what_cannot_be_judged() {
    tiny
    works "$RETHINK" run tiny -q --seed 1
    works "$RETHINK" run tiny -q --seed 1 --scale small
    sed 's/two variants/another/' presets/tiny.ini >presets/gone.ini
    works "$RETHINK" run gone -q --seed 1
    rm presets/gone.ini
    sed '/scale small/,/^epochs = 3/d' presets/tiny.ini >presets/new.ini
    for lacks in "auc('aum', 'a')" "memorization('auc', 'a')"; do
        printf '[claim %.3s]\nholds = %s > 0\n' "$lacks" "$lacks" >>presets/new.ini
    done
    mv presets/new.ini presets/tiny.ini
    for form in '' --json; do
        code=0
        # shellcheck disable=SC2086
        "$RETHINK" verdict $form >stdout.txt 2>stderr.txt || code=$?
        [ "$code" = 2 ] || fail "exit status $code"
        [ "$(wc -l <stderr.txt)" = 2 ] || fail "$(cat stderr.txt)"
        grep -q '^rethink: tiny, small: .*no scale small: micro$' stderr.txt || fail "$(cat stderr.txt)"
        grep -q "^rethink: gone: no preset 'gone'; known: " stderr.txt || fail "$(cat stderr.txt)"
        [ "$form" ] || says '^auc +- +not measured +run 1 of .* has no scores'
        [ "$form" ] || says '^3 of 5 met, 2 not measured$'
    done
    checks '
import json
tiny, old, gone = json.load(open("stdout.txt"))
assert [f["verdict"] for f in tiny["findings"]] == 2 * ["met"] + 2 * ["not measured"] + ["met"]
assert (old["scale"], old["verdict"], old["findings"]) == ("small", "not measured", [])
assert "no scale small" in old["error"] and (gone["preset"], gone["scale"]) == ("gone", "")'
    fails "^rethink: no preset 'gone'; known: " "$RETHINK" verdict --preset gone
    works "$RETHINK" report -o r.html
    [ "$(grep -c 'Not judged</b>: .*no scale small' r.html)" = 1 ] || fail "$(grep 'Not judged' r.html)"
    [ "$(grep -c '3 of 5 met' r.html)" = 1 ] || fail 'not judged'
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

# run_figures SCALE: runs the preset `figures`: the sections from stdin, with a diagnostic whose
# numbers are times SCALE.
run_figures() {
    mkdir -p presets
    {
        printf '[preset]\ndoc = figures\nmodel = linear\ndata = synth16:n=60,test=20\ndevice = cpu\n'
        printf 'epochs = 1\ndiagnose = probe:scale=%s\n' "$1"
        cat
    } >presets/figures.ini
    export RETHINK_PRESET_PATH="$PWD/presets:$RETHINK_PRESET_PATH"
    works "$RETHINK" run figures -q --plugin "$E2E/probe.so"
}

# drawn CAPTION: the report r.html has a figure of it, and no complaint.
drawn() {
    grep -qF "$1" r.html || fail "no figure of $1"
    ! grep -q 'Not drawn' r.html || fail "$(grep -o 'Not drawn.*' r.html)"
}

# Labels with a per cent are no formats, and nothing above 0 has no logarithm.
test_figures_of_anything() {
    run_figures 0 <<'END'
[variant 20 % noise]
randomize = labels:p=0.2
[variant 100 %d 'noise']
randomize = labels:p=1
[figure Rows]
kind = bars
y = test
[figure Zeros]
kind = diagnostic
series = probe.square
x = steps, or "so"
y = b' onmouseover=a()><script>
log = x y
[figure Flat]
kind = diagnostic
series = probe.bowl
log = z
END
    works "$RETHINK" report -o r.html
    drawn Rows
    drawn Zeros
    drawn 'Flat: 20 % noise'
    stands_alone r.html
    checks '
import base64, csv, html, re
page = open("r.html").read()
links = re.findall("<a download=\x27([^\x27]*)\x27 href=\x27data:text/csv;base64,([^\x27]*)\x27>CSV</a>", page)
assert len(links) == page.count(">CSV</a>") == 4
tables = {html.unescape(n): list(csv.DictReader(base64.b64decode(t).decode().splitlines())) for n, t in links}
x, y = "steps, or \x22so\x22", "b\x27 onmouseover=a()><script>"
zeros = tables[f"figures-{y}-{x}.csv"]
assert list(zeros[0]) == ["series"] + [n + e for n in (x, y) for e in ("", "_low", "_high")], zeros[0]
assert len(zeros) == 10 and {r[y] for r in zeros} == {"0"} and None not in zeros[0]
assert tables["figures--test.csv"][1]["variant"] == "100 %d \x27noise\x27"'
    grep -q '<text>20 % noise</text>' r.html || fail 'no label of a row'
    printf '#!/bin/sh\necho "line 1: no, %%s" >&2\nexit 1\n' >gnuplot
    chmod +x gnuplot
    works env PATH="$PWD:$PATH" "$RETHINK" report -o r.html
    [ "$(grep -c 'Not drawn</b>: gnuplot failed with exit status 1: line 1: no, %s' r.html)" = 4 ] ||
        fail "$(grep 'Not drawn' r.html)"
}

# What a seed lacks of a curve or a surface moves no other point.
test_points_that_a_seed_lacks() {
    run_figures 0.1 <<'END'
[variant a]
lr = 0.01
[grid]
seed = 1..2
[figure Square]
kind = diagnostic
series = probe.square
[figure Bowl]
kind = diagnostic
series = probe.bowl
END
    sqlite3 rethink.sqlite "delete from found_points where curve = 'square' and run = 2 and x = 1;
        delete from found_points where curve = 'bowl' and (x = 1 and y = 1 or run = 2 and x = -1 and y = -1)"
    works "$RETHINK" report -o r.html
    drawn Square
    checks '
import base64, re
page = open("r.html").read()
square, bowl = (base64.b64decode(t).decode().splitlines()[1:]
                for t in re.findall("data:text/csv;base64,([^\x27]*)", page))
number = lambda x: "%.9g" % x
assert square == [",".join(["a"] + 3 * [number(x)] + 3 * [number(0.1 * x * x)])
                  for x in range(5)], square
places = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (1, 1)]
assert [tuple(map(float, row.split(",")[1::3])) for row in bowl] == [
    (x, y, float(number(0.1 * (x * x + y * y)))) for x, y in places], bowl
lines = re.findall("<path stroke=\x27rgb", page[page.index("<figcaption>Square"):])
assert len(lines) > 3, lines'
    sqlite3 rethink.sqlite "delete from found_points where curve = 'bowl' and x < 1;
        update found_points set x = x + 0.5 where curve = 'square' and run = 2" # each has its places
    works "$RETHINK" report -o r.html
    grep -q 'Not drawn</b>: 2 points at 1 places of x and 2 of y are no grid' r.html || fail 'drawn'
    checks '
import base64, re
table = re.search("data:text/csv;base64,([^\x27]*)", open("r.html").read())[1]
assert base64.b64decode(table).decode().splitlines()[1] == "a,0.25,0,0.5,0,0,0"'
}

# A picture of more lines than can be told apart says how many it has not.
test_figures_of_many_variants() {
    run_figures 1 <<'END'
[grid]
batch = 1..30
[figure Loss]
kind = curves
[figure Bowls]
kind = diagnostic
series = probe.bowl
END
    works "$RETHINK" report -o r.html
    drawn Loss
    checks '
import base64, re
page = open("r.html").read()
table = base64.b64decode(re.search("data:text/csv;base64,([^\x27]*)", page)[1]).decode().splitlines()
assert len({row.split(",")[0] for row in table[1:]}) == 30
assert page.count("Of 30 lines 24 are drawn") == 2 and page.count("Of 30 surfaces 24 are drawn") == 1'
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
    grep -q 'digests are those that the runs recorded' noise.html || fail 'nothing of digests'
    sqlite3 noise.sqlite "update runs set data_digest = 'another' where id = 1"
    works "$RETHINK" report noise.sqlite -o other.html
    [ "$(grep -c 'not the data of the run' other.html)" = 1 ] || fail 'one strip is of other data'
    ! grep -q 'digests are those that the runs recorded' other.html || fail 'not all are'
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
