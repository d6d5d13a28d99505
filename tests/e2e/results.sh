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
