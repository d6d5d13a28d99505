#!/bin/sh
# One run, every way of computing it: the same bits after every epoch.

test_cpu_threads_and_instruction_sets() {
    tiny cpu --device cpu --threads 1
    same threads2 --device cpu --threads 2
    same threads3 --device cpu --threads 3
    for isa in plain avx2 avx512; do
        case $isa in
        plain) ;;
        *) grep -qw "$(echo $isa | sed 's/avx512/avx512f/')" /proc/cpuinfo || {
            echo "  this processor has no $isa" >&2
            continue
        } ;;
        esac
        same "$isa" --device cpu --isa "$isa"
    done
}

test_other_seeds_give_other_bits() {
    tiny cpu --device cpu
    tiny other --device cpu --seed 6
    if cmp -s cpu.digests other.digests; then fail 'the digest does not see the weights'; fi
}

test_unfused() {
    tiny cpu --device cpu
    same unfused --device cpu --unfused
}

test_pocl() {
    tiny cpu --device cpu
    same pocl --device opencl:Portable
    same pocl-unfused --device opencl:Portable --unfused
    same pocl-again --device opencl:Portable
}

# Convolutions, windows and batch norm; the last batch is smaller.
test_models_on_cpu() {
    for model in alexnet:width=0.1 inception:width=0.03 wrn:depth=10,base=1,dropout=0.1; do
        few="--model $model --data synth16:n=24,test=6 --batch 16 --device cpu"
        # shellcheck disable=SC2086
        {
            tiny cpu $few --threads 1
            same threads3 $few --threads 3
            same unfused $few --threads 2 --unfused
            same plain $few --isa plain
        }
        rm -rf ./*.sqlite*
    done
}

# PoCL takes its time to compile: the smallest that has every kind of layer.
test_models_on_pocl() {
    for model in alexnet:width=0.05 inception:width=0.03 wrn:depth=10,base=1; do
        few="--model $model --data synth16:n=12,test=2 --batch 8 --epochs 2"
        # shellcheck disable=SC2086
        {
            tiny cpu $few --device cpu
            same pocl $few --device opencl:Portable
        }
        rm -rf ./*.sqlite*
    done
}

# Every regularizer, and noise of rk_rng in the step.
test_regularizers_on_pocl() {
    few='--model linear --augment noise:sigma=0.2+drop:p=0.1
        --regularize l2:on=dense+weight-norm+max-norm:limit=0.9+label-smoothing+sam:rho=0.3'
    # shellcheck disable=SC2086
    {
        tiny cpu $few --device cpu
        same pocl $few --device opencl:Portable
    }
}

. "$(dirname "$0")/tiny.sh"
. "$(dirname "$0")/lib.sh"
