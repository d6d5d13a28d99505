#!/bin/sh
# The same bits on every implementation of OpenCL that the machine can have without a GPU: what PoCL
# does is in digests.sh.

# rusticl COMMAND...: with Mesa's driver for CPUs, whose fma is emulated and whose loops end early.
rusticl() {
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd RUSTICL_ENABLE=llvmpipe "$@"
}

# step MODEL cpu|same OPTION...: one step of a model.
step() {
    model=$1 how=$2
    shift 2
    rm -rf ./*.sqlite*
    [ "$how" = same ] || tiny cpu $(few "$model") "$@"
    [ "$how" = cpu ] || same other $(few "$model") "$@"
}

few() {
    echo "--model $1 --data synth16:n=8,test=2 --batch 8"
}

# noise cpu|same OPTION...: a step on images that the device makes: the first, the middle and the last
# of their set among them.
noise() {
    how=$1
    shift
    rm -rf ./*.sqlite*
    few='--model mlp:hidden=8,layers=1 --data noise:n=3,test=2,size=4,classes=3 --batch 3'
    # shellcheck disable=SC2086
    case $how in
    cpu) tiny cpu $few "$@" ;;
    *) same noise $few "$@" ;;
    esac
}

test_rusticl() {
    [ -e /etc/OpenCL/vendors/rusticl.icd ] || skip 'no rusticl: install mesa-opencl-icd'
    rusticl works "$RETHINK" devices
    says '^opencl:0.0 .*llvmpipe'
    tiny cpu --device cpu
    rusticl same rusticl --device opencl:llvmpipe
    for model in alexnet:width=0.05 inception:width=0.03 wrn:depth=10,base=1; do
        step "$model" cpu --device cpu
        rusticl step "$model" same --device opencl:llvmpipe
    done
    noise cpu --device cpu
    rusticl noise same --device opencl:llvmpipe
}

test_oclgrind() {
    command -v oclgrind >/dev/null || skip 'no oclgrind: install it'
    tiny cpu --device cpu
    printf '#!/bin/sh\nexec "%s/tests/grind" "%s" "$@"\n' "$SOURCE" "$RETHINK" >grind
    chmod +x grind
    plain=$RETHINK
    RETHINK=$PWD/grind
    same oclgrind --device opencl:Oclgrind
    for model in alexnet:width=0.05 inception:width=0.03 wrn:depth=10,base=1; do
        RETHINK=$plain step "$model" cpu --device cpu
        step "$model" same --device opencl:Oclgrind
    done
    RETHINK=$plain noise cpu --device cpu
    noise same --device opencl:Oclgrind
}

. "$(dirname "$0")/tiny.sh"
. "$(dirname "$0")/lib.sh"
