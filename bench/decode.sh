#!/bin/sh
# bench/decode.sh PROGRAMS DATA [SIZE ...]: decode fit beside its peers on the same files (s m; l takes minutes), CPU seconds and their ratio. Peers as in
# bench/peers.sh, which installs them under DATA/peers. Folders DATA/decode-SIZE are made where they are missing.
set -eu
programs=$1 data=$2
shift 2
[ $# -gt 0 ] || set -- s m
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
here=$(dirname "$0")
cpu() { sed -n 's/^.*CPU \([0-9.]*\) s.*$/\1/p' "$1" | sort -n | head -n 1; }

for size in "$@"; do
    case $size in
    s) numbers='180 20000 300 10' ;;
    m) numbers='1000 20000 768 10' ;;
    l) numbers='5000 20000 768 5' ;;
    *) echo "decode.sh: size '$size', wanted s, m or l" >&2; exit 2 ;;
    esac
    folder=$data/decode-$size
    mkdir -p "$folder"
    # shellcheck disable=SC2086
    "$programs/bench_decode" "$folder" $numbers "${REPEATS:-3}" > "$folder/own"
    cat "$folder/own"
    for peer in ${PEERS:-himalaya sklearn}; do
        "$data/peers/bin/python" "$here/decode_peers.py" "$folder" "${numbers##* }" "$peer" > "$folder/$peer"
        cat "$folder/$peer"
        echo "$(cpu "$folder/$peer") $(cpu "$folder/own")" |
            awk -v s="$size" -v p="$peer" '{ printf "ratio %s, CPU: %s / brainalign = %.1f\n", s, p, $1 / $2 }'
    done
done
