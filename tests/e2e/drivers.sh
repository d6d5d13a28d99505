#!/bin/sh
# The same bits on every implementation of OpenCL that the machine can have without a GPU: what PoCL
# does is in digests.sh.

# rusticl COMMAND...: with Mesa's driver for CPUs, whose fma is emulated and whose loops end early.
rusticl() {
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd RUSTICL_ENABLE=llvmpipe "$@"
}

test_rusticl() {
    [ -e /etc/OpenCL/vendors/rusticl.icd ] || skip 'no rusticl: install mesa-opencl-icd'
    rusticl works "$RETHINK" devices
    says '^opencl:0.0 .*llvmpipe'
    tiny cpu --device cpu
    rusticl same rusticl --device opencl:llvmpipe
}

test_oclgrind() {
    command -v oclgrind >/dev/null || skip 'no oclgrind: install it'
    tiny cpu --device cpu
    printf '#!/bin/sh\nexec "%s/tests/grind" "%s" "$@"\n' "$SOURCE" "$RETHINK" >grind
    chmod +x grind
    RETHINK=$PWD/grind
    same oclgrind --device opencl:Oclgrind
}

. "$(dirname "$0")/tiny.sh"
. "$(dirname "$0")/lib.sh"
