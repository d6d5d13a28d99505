# A runner for shell tests, sourced at the end of a file of functions test_NAME.  Each runs in a
# folder of its own, which is deleted, under 'set -e'; 'skip REASON' ends it.  Cases are announced and
# counted as cmocka does it, so that tests/tally counts both alike.
#
# From the build: RETHINK (the program), RETHINK_BACKEND_PATH, RETHINK_PLUGIN_PATH, E2E (folder of
# the helpers built here), SOURCE (the root of the repository).

fail() {
    echo "  $*" >&2
    exit 1
}

skip() {
    echo "  skipped: $*" >&2
    exit 77
}

# fails REGEX COMMAND...: exits with 1 or 2, and stderr is one line that begins with "rethink: " and
# matches.
fails() {
    pattern=$1
    shift
    code=0
    "$@" >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = 1 ] || [ "$code" = 2 ] || {
        cat stdout.txt stderr.txt
        fail "exit status $code: $*"
    }
    [ "$(wc -l <stderr.txt)" = 1 ] || fail "stderr is not one line: $(cat stderr.txt)"
    grep -q '^rethink: ' stderr.txt || fail "no 'rethink: ': $(cat stderr.txt)"
    grep -qE -- "$pattern" stderr.txt || fail "no '$pattern' in: $(cat stderr.txt)"
}

# works COMMAND...: exits with 0; stdout is left in stdout.txt.
works() {
    "$@" >stdout.txt 2>stderr.txt || {
        cat stdout.txt stderr.txt
        fail "failed: $*"
    }
}

# says REGEX: the last command printed it on stdout.
says() {
    grep -qE -- "$1" stdout.txt || fail "no '$1' in: $(head -c 2000 stdout.txt)"
}

# checks 'PYTHON': runs over stdin.
checks() {
    python3 -c "$1" || fail "python: $1"
}

# nobody COMMAND...: as a user who may not write what is not theirs.
nobody() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# stopped_early FILE COMMAND...: COMMAND adds a run to FILE, and is stopped by SIGTERM after some
# epochs; run is its number.  On a busy machine it may be over first: then there is another run.
stopped_early() {
    file=$1
    shift
    for _ in 1 2 3 4 5; do
        run=$(($(sqlite3 "$file" 'select count(*) from runs') + 1))
        "$@" >/dev/null 2>&1 &
        pid=$!
        until [ "$(sqlite3 "$file" "select count(*) > 2 from epochs where run = $run" 2>/dev/null)" = 1 ]; do
            kill -0 $pid || fail "no run: $*"
            sleep 0.01
        done
        kill -TERM $pid 2>/dev/null || true
        wait $pid || true
        [ "$(sqlite3 "$file" "select status from runs where id = $run")" = stopped ] && return
    done
    fail "over before it was stopped, five times: $*"
}

# stands_alone PAGE.html: its ids are unique, what it refers to is in it, and nothing is fetched.
stands_alone() {
    checks '
import re
page = open("'"$1"'").read()
ids = re.findall(r"\bid=[\x22\x27]?([^\x22\x27 >]+)", page)
assert len(ids) == len(set(ids)), "ids occur twice"
for used in set(re.findall(r"#([a-z]\w*)\x27", page)):
    assert used in ids or re.fullmatch("[0-9A-Fa-f]{6}", used), used
links = set(re.findall(r"https?://[^\x22\x27 >]+", page)) - {
    "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
assert not links and "<script" not in page and "@import" not in page, links'
}

# A run of a second, for tests that need one.
small() {
    "$RETHINK" run --model linear --data synth16:n=60,test=20 --epochs 2 --device cpu --quiet "$@"
}

run_cases() {
    cases=$(sed -n 's/^\(test_[a-z0-9_]*\)() *{.*/\1/p' "$0")
    echo "[==========] Running $(echo "$cases" | wc -l) test(s)."
    bad=0
    for case in $cases; do
        echo "[ RUN      ] $case"
        scratch=$(mktemp -d)
        chmod 755 "$scratch"
        (
            set -e
            cd "$scratch"
            "$case"
        )
        case $? in
        0) echo "[       OK ] $case" ;;
        77) echo "[  SKIPPED ] $case" ;;
        *)
            echo "[  FAILED  ] $case"
            bad=1
            ;;
        esac
        chmod -R u+w "$scratch"
        rm -rf "$scratch"
    done
    exit $bad
}

run_cases
