#!/bin/sh
# Results files that cannot be written: one clear line, and what was there is still there.

intact() { # FILE RUNS
    [ "$(sqlite3 "$1" 'pragma integrity_check')" = ok ] || fail "$1 is damaged"
    [ "$(sqlite3 "$1" "select count(*) from runs where status = 'done'")" = "$2" ] ||
        fail "$1 lost runs"
}

test_read_only_file() {
    nobody "$RETHINK" --version >/dev/null 2>&1 || skip 'another user cannot run the program here'
    small --out r.sqlite >/dev/null
    sqlite3 r.sqlite 'pragma journal_mode = delete' >/dev/null
    chmod 444 r.sqlite
    [ "$(id -u)" != 0 ] || chmod 755 .
    fails 'r.sqlite: it is read-only' nobody "$RETHINK" run --model linear \
        --data synth16:n=60,test=20 --epochs 2 --device cpu --quiet --out "$PWD/r.sqlite"
    intact r.sqlite 1
    works nobody "$RETHINK" list "$PWD/r.sqlite"
}

# As the results of another user, or of a disk that is mounted read-only.
test_read_only_folder() {
    nobody "$RETHINK" --version >/dev/null 2>&1 || skip 'another user cannot run the program here'
    mkdir '100%23?ä#b' killed out
    file="$PWD/100%23?ä#b/r.sqlite"
    small --out "$file" >/dev/null
    python3 -c '
import os, shutil, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update runs set seed = 7")
c.commit()
for end in ("", "-wal"):
    shutil.copy(sys.argv[1] + end, "killed/r.sqlite" + end)' "$file"
    : >"$file-wal"
    ln -s "$file" link.sqlite
    chmod 555 '100%23?ä#b' killed
    chmod 777 out
    for read in list 'show 1' export "report --to $PWD/out/r.html --out" \
        'compare 1 1 --out'; do
        works nobody "$RETHINK" $read "$file"
    done
    fails 'has no runs of a preset' nobody "$RETHINK" verdict "$file"
    works nobody "$RETHINK" list "$PWD/link.sqlite"
    says '^ +1 +done'
    fails 'killed/r.sqlite: its last rows are in .*r.sqlite-wal, .*: copy both files' \
        nobody "$RETHINK" list "$PWD/killed/r.sqlite"
    cp killed/r.sqlite killed/r.sqlite-wal .
    works "$RETHINK" list r.sqlite
    says '^ +1 +done.* 7 '
}

# What was refused leaves nothing behind.
test_file_that_is_not_ours() {
    for run in last 1; do
        fails 'none.sqlite does not exist: ' "$RETHINK" run --resume $run --out none.sqlite
    done
    fails 'none.sqlite does not exist: ' "$RETHINK" diagnose last --what probe --device cpu \
        --out none.sqlite
    [ ! -e none.sqlite ] || fail 'made a file'
    small --out r.sqlite >/dev/null
    sqlite3 other.sqlite 'create table t (x)'
    fails 'other.sqlite is a database of something else' "$RETHINK" merge --out other.sqlite r.sqlite
    fails 'other.sqlite is a database of something else' small --out other.sqlite
    fails 'other.sqlite is a database of something else' "$RETHINK" sweep --model linear \
        --data synth16:n=60,test=20 --epochs 1 --device cpu --out other.sqlite
    [ ! -e other.sqlite.runs ] || fail 'made a folder'
}

test_folder_that_does_not_exist() {
    fails 'nowhere' small --out nowhere/r.sqlite
    [ ! -e nowhere ] || fail 'made the folder'
}

# A file that may not grow is what a full disk looks like; a signal is what it must not become.
test_file_size_limit() {
    small --out r.sqlite >/dev/null
    sqlite3 r.sqlite 'pragma wal_checkpoint(truncate)' >/dev/null
    fails 'r.sqlite|disk|large' sh -c "
        trap '' XFSZ
        ulimit -f 16
        exec \"$RETHINK\" run --model linear --data synth16:n=60,test=20 --epochs 2000 \
            --stop-accuracy 0 --device cpu --quiet --out r.sqlite"
    intact r.sqlite 1
    works "$RETHINK" list r.sqlite
}

test_full_disk() {
    [ "$(id -u)" = 0 ] || skip 'only root can mount a small disk'
    mkdir disk
    mount -t tmpfs -o size=200k tmpfs disk 2>/dev/null || skip 'mounting is not allowed here'
    trap 'umount disk' EXIT
    small --out disk/r.sqlite >/dev/null
    dd if=/dev/zero of=disk/ballast bs=1k 2>/dev/null || true
    fails 'r.sqlite.*(full|disk)' small --epochs 2000 --stop-accuracy 0 --out disk/r.sqlite
    rm disk/ballast
    intact disk/r.sqlite 1
    works "$RETHINK" list disk/r.sqlite
}

. "$(dirname "$0")/lib.sh"
