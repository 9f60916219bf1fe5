#!/bin/sh
# bench/bands.sh PROGRAMS DATA [SIZE [CANDIDATES]]: banded ridge beside himalaya's random search on the same files, alternating (b 10; the
# goal is B 100, where himalaya takes hours: time few candidates and count the difference between two numbers of them).
# himalaya is looked for in the virtual environment that peers.sh makes under DATA/peers. Rounds: ROUNDS (2).
set -eu
programs=$1 data=$2 size=${3:-b} n=${4:-10}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
here=$(dirname "$0")
[ -x "$data/peers/bin/python" ] || { echo "bands.sh: no $data/peers: run peers.sh first" >&2; exit 2; }
mkdir -p "$data/$size"
[ -e "$data/$size/done" ] || {
    "$programs/bench_make" "$size" "$data/$size"
    : > "$data/$size/done"
}

seconds() { sed -n 's/^.*fit \([0-9.]*\) s.*$/\1/p' "$1" | head -n 1; }

round=1
while [ "$round" -le "${ROUNDS:-2}" ]; do
    for alphas in grid auto; do
        "$programs/bench_bands" "$size" "$data/$size" "$n" $alphas | tee "$data/$size.$alphas"
    done
    "$data/peers/bin/python" "$here/peers.py" "$size" "$data/$size" banded "$n" | tee "$data/$size.banded"
    for alphas in grid auto; do
        echo "$(seconds "$data/$size.banded") $(seconds "$data/$size.$alphas")" |
            awk -v s="$size" -v n="$n" -v r="$round" -v a="$alphas" \
                '{ printf "ratio %s, %s candidates, round %d: himalaya / brainalign %s = %.2f\n", s, n, r, a, $1 / $2 }'
    done
    round=$((round + 1))
done
