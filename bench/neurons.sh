#!/bin/sh
# bench/neurons.sh PROGRAMS DATA: average precision, AUROC and Mann-Whitney p of 20,000 tokens x 3,072 neurons, all 20 classes in one pass,
# beside scikit-learn and scipy on one class (a sample of the neurons, scaled). Ratios are of CPU seconds, so that a busy machine
# does not matter. Python: DATA/peers (peers.sh makes it). Rounds: ROUNDS (2).
set -eu
programs=$1 data=$2
here=$(dirname "$0")
[ -x "$data/peers/bin/python" ] || { echo "neurons.sh: no $data/peers: run peers.sh first" >&2; exit 2; }
mkdir -p "$data/neurons"
round=1
while [ "$round" -le "${ROUNDS:-2}" ]; do
    "$programs/bench_neurons" "$data/neurons" | tee "$data/neurons.ours"
    "$data/peers/bin/python" "$here/neurons.py" "$data/neurons" | tee "$data/neurons.peer"
    ours=$(sed -n 's/^rank .*, \([0-9.]*\) s of CPU.*$/\1/p' "$data/neurons.ours")
    peer=$(sed -n 's/^peer \([0-9.]*\) s.*$/\1/p' "$data/neurons.peer")
    echo "$ours $peer $round" | awk '{ printf "ratio, round %d: one class of scikit-learn / all 20 of brainalign = %.1f; all / all = %.0f\n", $3, $2 / $1, 20 * $2 / $1 }'
    round=$((round + 1))
done
