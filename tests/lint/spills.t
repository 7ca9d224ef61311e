#!/bin/sh
# The loops of convolution kernels keep their sums in registers: between two
# broadcasts no vector register goes to the stack or comes from it.
n=0 bad=0
for o in $(find "${B:-build}"/engine/kern -path '*/avx2/*' -o -path '*/avx2vnni/*' -o -path '*/avx512/*' -o -path '*/vnni/*' -o -path '*/bf16/*' | grep -E '/(conv|group|gemm)_.*\.o$' | sort); do
    n=$((n + 1))
    # A loop: from a label's first broadcast to the backward jump behind it.
    s=$(objdump -d --no-show-raw-insn "$o" | awk '
        /vbroadcastss .*\(%r[a-z0-9]+/ && !/%rsp|%rbp/ { inside = 1 }
        /%[yz]mm.*\((%rsp|%rbp)/ || /\((%rsp|%rbp)\).*%[yz]mm/ { if (inside) held++ }
        /\t(jb|ja|jne|jae|jbe|je) / { if (inside) { count += held }; held = 0; inside = 0 }
        END { print count + 0 }')
    if [ "$s" -eq 0 ]; then
        echo "ok $n - $o"
    else
        echo "not ok $n - $o: $s vector registers on the stack in hot loops"
        bad=1
    fi
done
echo "1..$n"
exit $bad
