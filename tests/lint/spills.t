#!/bin/sh
# The loops of convolution kernels keep their sums in registers: between two
# broadcasts, or two products of tiles, no vector register goes to the stack or
# comes from it.
n=0 bad=0
objects() { # folders of levels, names of objects
    find "${B:-build}"/engine/kern -name '*.o' |
        grep -E "/($1)/($2)_[a-z0-9_]*\.o$" | sort
}
verdict() { # object, how often it was seen
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2 vector registers on the stack in hot loops"
        bad=1
    fi
}
on_stack='/%[yz]mm.*\((%rsp|%rbp)/ || /\((%rsp|%rbp)\).*%[yz]mm/'
for o in $(objects 'avx2|avx512|vnni|bf16' 'conv|group|gemm'); do
    # A loop: from a label's first broadcast to the backward jump behind it.
    verdict "$o" "$(objdump -d --no-show-raw-insn "$o" | awk "
        /vbroadcastss .*\(%r[a-z0-9]+/ && !/%rsp|%rbp/ { inside = 1 }
        $on_stack"' { if (inside) held++ }
        /\t(jb|ja|jne|jae|jbe|je) / { if (inside) { count += held }; held = 0; inside = 0 }
        END { print count + 0 }')"
done
for o in $(objects amx 'tile_bf16|tile_bf16x3|tile_int8'); do
    # Rows are finished between products; a function has a loop of them. What is
    # broadcast from there is one number, kept in no vector register.
    verdict "$o" "$(objdump -d --no-show-raw-insn "$o" | awk "
        />:\$/ { inside = held = 0 }
        $on_stack"' { if (inside && !/vp?broadcast/) held++ }
        /\ttdp/ { count += held; held = 0; inside = 1; products++ }
        END { print products ? count + 0 : 1 }')"
done
echo "1..$n"
exit $bad
