#!/bin/sh
# bench/peers.sh PROGRAMS DATA [SIZE ...]: brainalign and its peers on the same files, alternating, the ratio of every pair.
# Peers (himalaya with its numpy backend and scikit-learn, from PyPI) go into a virtual environment of their own under DATA/peers.
# Both sides run the kernels that the CPU allows: OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are unset, core names are printed.
# Rounds per size: ROUNDS (2).
set -eu
programs=$1 data=$2
shift 2
[ $# -gt 0 ] || set -- S M T
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
here=$(dirname "$0")
python=$data/peers/bin/python
[ -x "$python" ] || {
    mkdir -p "$data"
    python3 -m venv "$data/peers"
    "$data/peers/bin/pip" install --quiet himalaya scikit-learn numpy packaging threadpoolctl
}

seconds() { sed -n 's/^.*fit \([0-9.]*\) s.*$/\1/p' "$1" | head -n 1; }

for size in "$@"; do
    [ -n "${WARM:-}" ] || sh "$here/run" "$programs" "$data" "$size" > "$data/$size.warm"
    round=1
    while [ "$round" -le "${ROUNDS:-2}" ]; do
        for alphas in grid auto; do
            "$programs/bench_fit" "$size" "$data/$size" $alphas single > "$data/$size.$alphas"
            cat "$data/$size.$alphas"
        done
        for peer in himalaya sklearn; do
            "$python" "$here/peers.py" "$size" "$data/$size" "$peer" > "$data/$size.$peer"
            cat "$data/$size.$peer"
            for alphas in grid auto; do
                echo "$(seconds "$data/$size.$peer") $(seconds "$data/$size.$alphas")" |
                    awk -v s="$size" -v r="$round" -v p="$peer" -v a="$alphas" \
                        '{ printf "ratio %s round %d: %s / brainalign %s = %.2f\n", s, r, p, a, $1 / $2 }'
            done
        done
        round=$((round + 1))
    done
done
