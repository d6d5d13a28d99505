#!/bin/sh
# The commands that read results, on made-up ones; help; misuse.
commands="run sweep devices check plugins list show compare merge verdict scores doctor export report"

test_help_everywhere() {
    works "$RETHINK" --help
    for c in $commands; do
        says "^  $c "
        "$RETHINK" "$c" --help >help.txt 2>stderr.txt || fail "$c --help"
        grep -q "^Usage: rethink $c" help.txt || fail "$c --help: $(cat help.txt)"
        [ ! -s stderr.txt ] || fail "$c --help writes to stderr"
    done
    works "$RETHINK" --version
    says '^rethink [0-9]'
}

test_unknown_command_names_the_nearest() {
    fails "no command 'lsit'; did you mean 'list'" "$RETHINK" lsit
    fails "no command 'xyzzy'; known: run, sweep" "$RETHINK" xyzzy
    fails 'which command' "$RETHINK"
}

# However many there are, the names in an error are whole.
test_lists_of_known_names() {
    for wrong in 'run --zzz' 'sweep --zzz' 'check cpu --case zzz' 'plugins zzz'; do
        # shellcheck disable=SC2086
        fails 'known: [a-z].*[a-z], and [0-9]+ more$' "$RETHINK" $wrong
    done
    "$RETHINK" run --help >help.txt
    fails 'and [0-9]+ more$' "$RETHINK" run --zzz
    for name in $(sed 's/.*known: //; s/, and .*//; s/,//g' stderr.txt); do
        grep -qE -- "--$name\b" help.txt || fail "$name is no option"
    done
}

test_misuse() {
    for c in $commands; do fails '--no-such-thing is no option' "$RETHINK" "$c" --no-such-thing; done
    fails "did you mean 'json'" "$RETHINK" list --jsn
    fails '^rethink: -z is no option' "$RETHINK" list -z
    fails 'needs a value' "$RETHINK" list --out
    fails 'takes no value' "$RETHINK" list --json=x
    fails "takes no argument 'b'" "$RETHINK" list a.sqlite b
    fails 'which run' "$RETHINK" show
}

test_list() {
    "$E2E/fake_results" r.sqlite 1 odd
    works "$RETHINK" list r.sqlite
    says '^run  status'
    says '^ *1  done    mlp    synth16  - +cpu:0 +1 +[0-9]+ +[0-9]+ +100.00 % +87.40 %'
    says '^ *13  failed'
    ! grep -q "$(printf '\033')" stdout.txt || fail 'colours in a file'
    works "$RETHINK" list --out r.sqlite --json
    checks 'import json,sys; a=json.load(open("stdout.txt")); assert len(a)==13; assert "history" not in a[0]'
    works "$RETHINK" list --preset none r.sqlite
    [ "$(wc -l <stdout.txt)" = 1 ] || fail 'another preset has runs'
}

test_show() {
    "$E2E/fake_results" r.sqlite 1 odd
    works "$RETHINK" show last r.sqlite
    says '^  error +opencl:0.0: out of memory, "wanted" <9 GB>$'
    says '^  data_digest +[0-9a-f]{32}$'
    works "$RETHINK" show 1 --out r.sqlite --json
    checks 'import json; a=json.load(open("stdout.txt")); assert a["id"]==1 and len(a["history"])==a["epochs"]; assert a["config"]["batch"]==128'
    fails 'has no run 99: its runs are 1 to 13' "$RETHINK" show 99 r.sqlite
    fails "'one' is no run" "$RETHINK" show one r.sqlite
}

test_export_json() {
    "$E2E/fake_results" r.sqlite 2 odd
    works "$RETHINK" export --json --out r.sqlite
    checks '
import json
runs = json.load(open("stdout.txt"))
assert isinstance(runs, list) and len(runs) == 23
for key in ("id status model data randomize device numerics seed epochs train_accuracy "
            "test_accuracy digest history").split():
    assert all(key in r for r in runs), key
for r in runs:
    assert [h["epoch"] for h in r["history"]] == list(range(1, r["epochs"] + 1))
    assert r["history"][-1]["digest"] == r["digest"]
assert runs[0]["digest"] == runs[1]["digest"] != runs[2]["digest"]
assert runs[-1]["train_loss"] is None'
    works "$RETHINK" export r.sqlite -o a.json
    [ ! -s stdout.txt ] || fail 'prints although it writes a file'
    works "$RETHINK" export r.sqlite
    cmp stdout.txt a.json
}

test_export_has_every_column() {
    "$E2E/fake_results" r.sqlite 1
    works "$RETHINK" export r.sqlite
    checks '
import json, sqlite3
run = json.load(open("stdout.txt"))[0]
db = sqlite3.connect("r.sqlite")
names = {"epochs": "epochs_asked", "epochs_done": "epochs"}
for table, keys in (("runs", run), ("epochs", run["history"][0])):
    for column in db.execute(f"pragma table_info({table})"):
        assert names.get(column[1], column[1]) in keys or column[1] == "run", column[1]'
}

test_export_csv() {
    "$E2E/fake_results" r.sqlite 1 odd
    works "$RETHINK" export --csv r.sqlite
    checks '
import csv
rows = list(csv.DictReader(open("stdout.txt", newline="")))
assert None not in rows[0] and len(rows[0]) == len(set(rows[0]))
assert rows[0]["id"] == "1" and rows[0]["epoch"] == "1" and len(rows[0]["digest"]) == 32
assert rows[-1]["data"].count("\"") == 2 and rows[-1]["train_loss"] == ""
assert float(rows[-1]["train_accuracy"]) == 1'
}

test_no_such_results() {
    for c in list 'show 1' export report; do
        # shellcheck disable=SC2086
        fails 'none.sqlite does not exist' "$RETHINK" $c --out none.sqlite
    done
    [ ! -e none.sqlite ] || fail 'reading made the file'
    echo 'this is not a database, although it is long enough to look at' >text.sqlite
    fails 'text.sqlite' "$RETHINK" list text.sqlite
}

test_damaged_results() {
    "$E2E/fake_results" r.sqlite 1
    sqlite3 r.sqlite 'pragma wal_checkpoint(truncate); pragma journal_mode = delete' >/dev/null
    head -c 6000 r.sqlite >cut.sqlite
    fails 'cut.sqlite' "$RETHINK" export cut.sqlite
}

test_output_keeps_what_is_there() {
    "$E2E/fake_results" r.sqlite 1
    works "$RETHINK" export r.sqlite
    mv stdout.txt want.json
    mkdir folder
    echo old >folder/old.json
    chmod 640 folder/old.json
    ln -s folder/old.json old.json
    ln -s new.json folder/first.json
    ln -s folder/first.json new.json
    ln -s loop.json loop.json
    for f in old new; do
        (umask 027 && works "$RETHINK" export r.sqlite -o $f.json)
        [ -L $f.json ] || fail "$f.json is no link any more"
        cmp want.json folder/$f.json
        [ "$(stat -c %a folder/$f.json)" = 640 ] || fail "$f.json: $(stat -c %a folder/$f.json)"
    done
    [ "$(ls -A folder)" = "$(printf 'first.json\nnew.json\nold.json')" ] || fail "$(ls -A folder)"
    fails 'cannot write loop.json: Too many levels' "$RETHINK" export r.sqlite -o loop.json
    fails 'cannot write folder: Is a directory' "$RETHINK" export r.sqlite -o folder
    mkfifo pipe
    timeout 60 cat pipe >got.json &
    works timeout 60 "$RETHINK" export r.sqlite -o pipe
    wait $!
    [ -p pipe ] && cmp want.json got.json
}

# A file that was named is an error; standard output ends the process without a word, as everywhere.
test_output_that_nobody_reads() {
    "$E2E/fake_results" r.sqlite 40
    works "$RETHINK" export r.sqlite -o whole.json
    [ "$(wc -c <whole.json)" -gt 200000 ] || fail 'a pipe holds it all'
    mkfifo pipe
    timeout 60 head -c 10 pipe >/dev/null &
    fails 'cannot write pipe: Broken pipe' timeout 60 "$RETHINK" export r.sqlite -o pipe
    wait $!
    { code=0; "$RETHINK" export r.sqlite 2>stderr.txt || code=$?; echo $code >code; } | head -c 10 >/dev/null
    [ "$(cat code)" = 141 ] && [ ! -s stderr.txt ] || fail "exit status $(cat code): $(cat stderr.txt)"
}

test_output_into_a_device() {
    mknod full c 1 7 2>/dev/null && (: >full) 2>/dev/null || skip 'no devices can be made here'
    "$E2E/fake_results" r.sqlite 1
    fails 'cannot write full: No space left on device' "$RETHINK" report r.sqlite -o full
    [ -c full ] || fail 'the device was replaced'
}

test_standard_output_full() {
    "$E2E/fake_results" r.sqlite 5
    for c in 'list r.sqlite' 'export r.sqlite' 'show 1 r.sqlite' plugins --help 'run --dry-run' \
        'run --dry-run --json'; do
        code=0
        # shellcheck disable=SC2086
        "$RETHINK" $c >/dev/full 2>stderr.txt || code=$?
        [ "$code" = 1 ] || fail "$c: exit status $code"
        grep -q '^rethink: .*could not be written: No space left' stderr.txt ||
            fail "$c: $(cat stderr.txt)"
    done
}

test_report() {
    "$E2E/fake_results" r.sqlite 3 odd
    works "$RETHINK" report --out r.sqlite -o r.html
    says '^report: r.html \(33 runs\)$'
    stands_alone r.html
    checks '
import re
page = open("r.html").read()
assert page.count("<figure>") == 6 and page.count("</svg>") > 6
assert "&lt;tagged&gt;" in page or "<tagged>" not in page
assert "<tagged>" not in page
assert "Different bits" in page and "prefers-color-scheme" in page
assert page.count("class=good>yes") == 5 and "from epoch 7" in page'
}

test_report_of_equal_bits() {
    "$E2E/fake_results" r.sqlite 1
    works "$RETHINK" report r.sqlite
    grep -q 'Same bits' report.html
    grep -q '10 of 10 runs fitted every training example' report.html
}

# Runs that differ in more than the device need not have the same bits, and are no seeds of one.
test_report_keeps_experiments_apart() {
    set -- run --model linear --data synth16:n=60,test=20 --quiet --seed 1 --epochs 2 --out r.sqlite
    works "$RETHINK" "$@" --device cpu
    works "$RETHINK" "$@" --device opencl:Portable --hold-out 0.3
    works "$RETHINK" report r.sqlite
    checks '
page = open("report.html").read()
assert " bits.</b>" not in page and page.count("<section>") == 3
assert "constant, 2 epochs\n" in page and "constant, 2 epochs, hold-out 0.3\n" in page'
    for other in '--epochs 1' '--randomize-seed 5' '--stop-accuracy 0.5' '--stop-loss 0.1' \
        '--stop-patience 9' '--eval-limit 50' '--randomize labels:p=1 --eval-labels corrupted'; do
        # shellcheck disable=SC2086
        works "$RETHINK" "$@" --device cpu $other
    done
    works "$RETHINK" "$@" --device opencl:Portable --unfused
    works "$RETHINK" report r.sqlite
    checks '
page = open("report.html").read()
assert page.count("<section>") == 10 and "In all 1 comparisons" in page
assert page[:page.index("<h2>Provenance")].count("<td class=n>1</td>") == 10'
}

# Two machines call their devices alike.
test_report_of_two_machines() {
    "$E2E/fake_results" r.sqlite 1
    sqlite3 r.sqlite "update runs set device = 'cpu:0'"
    works "$RETHINK" report r.sqlite
    grep -q 'Same bits.</b> In all 5 comparisons' report.html || fail 'names were not looked at'
    sqlite3 r.sqlite "update runs set device_name = 'x'"
    works "$RETHINK" report r.sqlite
    grep -q 'Same bits.</b> In all 5 comparisons' report.html || fail 'drivers were not looked at'
    sqlite3 r.sqlite "update runs set driver = 'x'"
    works "$RETHINK" report r.sqlite
    ! grep -q 'Same bits' report.html || fail 'a device was compared with itself'
}

test_report_failures_lose_nothing() {
    "$E2E/fake_results" r.sqlite 1
    echo old >r.html
    fails 'gnuplot.*apt-get install' env PATH=/nonexistent "$RETHINK" report r.sqlite -o r.html
    mkdir bin
    for picture in '' "<svg><path d='M0 0'/></sv"; do
        printf '#!/bin/sh\nprintf %%s "%s"\n' "$picture" >bin/gnuplot
        chmod +x bin/gnuplot
        fails "gnuplot wrote ${#picture} bytes.*temporary files in /tmp" \
            env PATH="$PWD/bin:$PATH" "$RETHINK" report r.sqlite -o r.html
    done
    [ "$(cat r.html)" = old ] || fail 'the old report is lost'
    fails 'nowhere' "$RETHINK" report r.sqlite -o nowhere/r.html
    fails 'has no runs of preset none' "$RETHINK" report r.sqlite --preset none
    sqlite3 r.sqlite 'delete from epochs; delete from runs'
    fails 'has no runs' "$RETHINK" report r.sqlite
}

. "$(dirname "$0")/lib.sh"
