#!/bin/sh
# What is installed runs from anywhere, and the example of the README is a working plugin.

# Installs into ./moved, a place that the build does not know.
install_here() {
    DESTDIR=$PWD/staged meson install -C "$BUILD" --no-rebuild --quiet >/dev/null 2>&1 ||
        fail 'meson install'
    mv "staged$(python3 -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$PREFIX")" moved
    unset RETHINK_BACKEND_PATH RETHINK_PLUGIN_PATH RETHINK_PRESET_PATH LD_LIBRARY_PATH
    RETHINK=$PWD/moved/bin/rethink
}

test_runs_from_anywhere() {
    install_here
    cd /
    "$RETHINK" devices >"$OLDPWD/stdout.txt"
    cd "$OLDPWD"
    says '^cpu:0 '
    says '^opencl:'
    works "$RETHINK" plugins
    says '^model +mlp '
    works "$RETHINK" run quickstart --epochs 1 --device cpu --quiet
    works "$RETHINK" list --json
    checks 'import json; assert len(json.load(open("stdout.txt"))) == 5'
}

# The script of the README in a folder with a space, where meson, ninja and rethink only say how they
# were called: a line for each argument.
test_script_in_a_folder_with_a_space() {
    mkdir -p bin 'a clone/scripts' 'a clone/build/prefix/bin'
    cp "$SOURCE/scripts/run" 'a clone/scripts'
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >&2\n' >bin/meson
    chmod +x bin/meson
    cp bin/meson bin/ninja
    cp bin/meson 'a clone/scripts/install'
    cp bin/meson 'a clone/build/prefix/bin/rethink'
    export PATH="$PWD/bin:$PATH"
    for time in first second; do
        works 'a clone/scripts/run' --seed 2
        grep -qx -- "--prefix=$PWD/a clone/build/prefix" stderr.txt || fail "$time: $(cat stderr.txt)"
        mkdir -p 'a clone/build/run'
        touch 'a clone/build/run/build.ninja'
    done
    grep -qx -- --reconfigure stderr.txt || fail "$(cat stderr.txt)"
}

# Only what a plugin or backend author needs: no header of the core, nothing of the tests.
test_installed_files() {
    install_here
    find moved -type f -o -type l | sed 's/^moved.//' | sort >files.txt
    [ "$(grep -c '^include/rethink/.*\.h$' files.txt)" = 5 ] || fail "$(cat files.txt)"
    ! grep -vE '^(bin/rethink|include/rethink/|lib/.*(librethink\.so|rethink\.pc|rethink/)|share/)' \
        files.txt || fail 'installs something else'
}

# plugin NAME: NAME.so of NAME.c, as the README makes it.
plugin() {
    pc=$(find moved -name rethink.pc)
    # shellcheck disable=SC2046
    ${CC:-gcc} -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC "$1.c" -o "$1.so" \
        $(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$PWD/moved" \
            --cflags --libs rethink)
}

test_example_of_the_readme() {
    install_here
    awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$SOURCE/README.md" >mine.c
    [ "$(wc -l <mine.c)" -le 40 ] || fail 'the example is longer than 40 lines'
    plugin mine
    works "$RETHINK" run --plugin ./mine.so --model sines:hidden=32 --randomize slip:p=0.3 \
        --data synth16:n=200,test=50 --epochs 2 --device cpu --device opencl --quiet
    says 'Digests agree'
    works "$RETHINK" plugins --plugin ./mine.so slip
    says 'probability of each label to slip'
}

# A plugin that was changed meanwhile is not the one that a run began with.
test_changed_plugin() {
    install_here
    awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$SOURCE/README.md" >mine.c
    sed 's/rk_sin(/rk_relu(/' mine.c >other.c
    ! cmp -s mine.c other.c || fail 'the example has no sine'
    plugin mine
    plugin other
    "$RETHINK" run --plugin ./mine.so --model sines:hidden=32 --data synth16:n=200,test=50 \
        --epochs 100000 --checkpoint-seconds 0 --device cpu --quiet &
    while ! [ -s rethink.sqlite.runs/1/checkpoint.safetensors ]; do sleep 0.05; done
    kill -INT $!
    ! wait $! || fail 'was not stopped'
    for what in 'run --resume 1' 'diagnose 1 --what margins'; do
        # shellcheck disable=SC2086
        fails 'the steps of run 1 have changed since it began' "$RETHINK" $what --plugin ./other.so
    done
    works "$RETHINK" diagnose 1 --what margins --plugin ./mine.so
}

# follow FOLDER: does what the README.md of an example says, in a copy of it, with what is installed;
# under sanitizers with small shapes, which have the same edges.
follow() {
    install_here
    mkdir bin
    printf '#!/bin/sh\nPATH=%s\nexec %s %s "$@"\n' "$PATH" "$BUILD_CC" "$SANITIZE" >bin/gcc
    printf '#!/bin/sh\nPATH=%s\nexec pkg-config --define-variable=prefix=%s "$@"\n' "$PATH" \
        "$PWD/moved" >bin/pkg-config
    chmod +x bin/*
    PATH=$PWD/bin:$PWD/moved/bin:$PATH
    PKG_CONFIG_PATH=$(dirname "$(find "$PWD/moved" -name rethink.pc)")
    export PATH PKG_CONFIG_PATH
    cp -r "$SOURCE/examples/$1" copy
    cd copy
    chmod u+w .
    sed -n 's/^    //p' README.md >steps
    [ -z "$SANITIZE" ] || sed -i 's/ --level exact$/& --quick/' steps
    works sh -ex steps
}

test_backend_example() {
    follow backend
    says '^met: level exact$'
    says 'Digests agree'
    [ "$(wc -l <example.c)" -le 400 ] || fail 'example.c is longer than 400 lines'
}

test_plugin_example() {
    follow plugin
    says 'probability of each label to be mirrored'
    works rethink list
    says 'twice .*mirror:p=0.3'
    [ "$(wc -l <example.c)" -le 40 ] || fail 'example.c is longer than 40 lines'
}

test_backend_header_stands_alone() {
    for header in backend numerics graph plugin; do
        echo "#include \"rethink/$header.h\"" >one.c
        ${CC:-gcc} -std=c11 -Wall -Wextra -Wpedantic -Werror -I "$SOURCE/core/include" -c one.c
    done
}

. "$(dirname "$0")/lib.sh"
