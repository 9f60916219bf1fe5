#!/bin/sh
# bench/each.sh PROGRAMS DATA [SIZE]: all layers of a model over one reading of the responses beside one layer alone (e; E is large: 12 fits like M).
set -eu
programs=$1 data=$2 size=${3:-e}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
mkdir -p "$data/each-$size"
[ -e "$data/each-$size/done" ] || {
    "$programs/bench_make" "$size" "$data/each-$size"
    : > "$data/each-$size/done"
}
"$programs/bench_each" "$size" "$data/each-$size"
