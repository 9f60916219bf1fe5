#!/bin/sh
# bench/bands.sh PROGRAMS DATA [SIZE [FEW MANY]]: banded ridge beside himalaya's random search on the same files, alternating, with FEW and with
# MANY candidates: the difference gives seconds a candidate without what is done once (B 2 4: the goal is 100 candidates, where himalaya takes an
# hour; b 10 20 is small). Seconds and CPU seconds, as the machine may be shared.
# himalaya is looked for in the virtual environment that peers.sh makes under DATA/peers. Rounds: ROUNDS (2).
set -eu
programs=$1 data=$2 size=${3:-b} few=${4:-10} many=${5:-20}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
here=$(dirname "$0")
[ -x "$data/peers/bin/python" ] || { echo "bands.sh: no $data/peers: run peers.sh first" >&2; exit 2; }
mkdir -p "$data/$size"
[ -e "$data/$size/done" ] || {
    "$programs/bench_make" "$size" "$data/$size"
    : > "$data/$size/done"
}

numbers() { sed -n 's/^.*fit \([0-9.]*\) s, CPU \([0-9.]*\) s.*$/\1 \2/p' "$1" | head -n 1; }

# Of one side, from two files of n candidates each: "FEW-SECONDS FEW-CPU MANY-SECONDS MANY-CPU".
pair() { echo "$(numbers "$data/$size.$1.$few") $(numbers "$data/$size.$1.$many")"; }

round=1
while [ "$round" -le "${ROUNDS:-2}" ]; do
    for n in $few $many; do
        for alphas in grid auto; do
            "$programs/bench_bands" "$size" "$data/$size" "$n" $alphas | tee "$data/$size.$alphas.$n"
        done
        "$data/peers/bin/python" "$here/peers.py" "$size" "$data/$size" banded "$n" | tee "$data/$size.banded.$n"
    done
    for alphas in grid auto; do
        echo "$(pair banded) $(pair $alphas)" |
            awk -v s="$size" -v few="$few" -v many="$many" -v r="$round" -v a="$alphas" '{
                d = many - few
                h = ($3 - $1) / d; hc = ($4 - $2) / d; b = ($7 - $5) / d; bc = ($8 - $6) / d
                printf "%s, round %d, %s: a candidate takes himalaya %.2f s (CPU %.2f), brainalign %.2f s (CPU %.2f): ratio %.2f (CPU %.2f); all of %d candidates %.2f\n",
                    s, r, a, h, hc, b, bc, h / b, hc / bc, many, $3 / $7
            }'
    done
    round=$((round + 1))
done
