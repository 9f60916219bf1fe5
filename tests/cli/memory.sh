# What --dry-run prints is what a run takes, within a tenth, whatever the number of targets; so that responses of a GB pass under a limit on the
# address space that is smaller; 50,000 columns need no matrix of 50,000 x 50,000. Sanitizers and valgrind have memory of their own.
"$BRAINALIGN" --version | grep -q ', release$' || { echo 'memory is that of a release build only'; exit 77; }

# megabytes TEXT: the number in "47 MB" or "1.2 GB".
megabytes() {
    echo "$1" | awk '{ print $1 * ($2 == "GB" ? 1024 : $2 == "KB" ? 1 / 1024 : 1) }'
}

# check NAME LEAST MOST OPTIONS...: peak of the run / what the dry run printed.
check() {
    name=$1
    shift
    planned=$("$BRAINALIGN" encode fit "$@" --dry-run -o "$name.h5" | sed -n 's/^ *memory *\(.*\) at the peak$/\1/p')
    "$BRAINALIGN" encode fit "$@" --progress never -o "$name.h5" 2>log || { cat log; return; }
    taken=$(sed -n 's/.*, at most \(.*\) of memory$/\1/p' log)
    echo "$(megabytes "$taken") $(megabytes "$planned")" |
        awk -v name="$name" '{ print name ": " ($1 > 0.9 * $2 && $1 < 1.1 * $2 ? "as printed" : "took " $1 " MB, printed " $2) }'
}

"$BRAINALIGN" datasets synth -o study --n-layers 1 --layer-size 100 --n-runs 4 --run-length 150 --grid 20,20,8 -q || exit 1
features="--features study/study.h5:/features/layer_1 --runs study/study.h5:/run"
responses="--responses study/study.h5:/responses"

# Responses of 600 x 250,000: a header and a hole.
npy() {
    header="{'descr': '<f4', 'fortran_order': False, 'shape': ($2, $3), }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$header" >"$1"
    truncate -s $((128 + $2 * $3 * 4)) "$1"
}
npy large.npy 600 250000

# shellcheck disable=SC2086  # words are meant
{
    check nested $features $responses --delays 1,2,3,4 -j 2
    check double $features $responses --delays 1,2,3,4 -j 2 --precision double --outer-cv none
    check wide $features $responses --delays "$(seq -s, 0 499)" --delay-across-runs --cv-gap 0 --cv kfold:3 --outer-cv none --alphas log:2,6,3 -j 2
    check large $features --responses large.npy --delays 1 --cv kfold:3 --outer-cv none --alphas log:1,3,3 --save none --memory 64M -j 1
    (ulimit -v 500000 && "$BRAINALIGN" encode fit $features --responses large.npy --delays 1 --cv kfold:3 --outer-cv none --alphas log:1,3,3 \
        --save none --memory 64M -j 1 -q -o limited.h5)
    echo "limited: $?"
}
