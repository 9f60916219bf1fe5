# datasets check: a clean study, a delay of 0 with a time series, values that would stop a fit.
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 40 --grid 6,6,3 --n-layers 2 --layer-size 12 \
    --n-concepts 2 --n-test-repeats 2 -q -o study || exit 1
check() { "$BRAINALIGN" datasets check "$@" -q | cut -c 1-37; }
check --features study/study.h5:/features/layer_1 --responses study/study.h5:/responses \
    --runs study/study.h5:/run --delays 1,2,3
check --run-table study/runs.tsv --mask study/mask.nii.gz --delays 0
printf '1,2\n3,nan\n1,2\n5,6\n1,2\n7,9\n8,8\n' >x.csv
"$BRAINALIGN" datasets check --features x.csv --responses x.csv -q | cut -c 1-37
"$BRAINALIGN" datasets check --features x.csv --responses x.csv >/dev/null
echo "exit $?"
