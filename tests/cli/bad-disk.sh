# A disk that fills up while a fit writes weights, a table, a map: one line, status 1, nothing left, and the next try works.
. "$SOURCE/tests/cli/bad.inc"
# gcov writes its counts under the same limit, and spoils those of all tests.
"$BRAINALIGN" --version | grep -q ', coverage$' && { echo 'a limit on the size of files spoils counts of coverage'; exit 77; }
(ulimit -f 1) 2>/dev/null || { echo 'no limit on the size of files here'; exit 77; }
small_study study || exit 1
mkdir out
fit() {
    "$BRAINALIGN" encode fit --features study/study.h5:/features/layer_1 --responses study/study.h5:/responses \
        --runs study/study.h5:/run --delays 1,2 --alphas 1,10 -j 1 -q --mask study/mask.nii.gz "$@"
}
# limited BLOCKS ARGUMENTS: a fit that can write no file of more than BLOCKS x 512 bytes.
limited() {
    blocks=$1
    shift
    said=$( (ulimit -f "$blocks" && fit "$@") 2>&1)
    echo "status $?, $(echo "$said" | wc -l) line, $(find out -type f | wc -l) files: $(echo "$said" | sed 's/:\/[^:]*//')"
}
for blocks in 0 1 4 16 40; do
    limited $blocks -o out/e.h5 --save weights,fold-weights,predictions,cv
done
fit -o out/e.h5 --save weights,fold-weights,predictions,cv --table out/t.tsv --map out/r.nii
echo "status $?, $(find out -type f | wc -l) files"
rm out/*

echo 'tables'
numbers 20 1 >x.csv
numbers 20 1 | awk '{ line = $1; for (i = 0; i < 2000; i++) line = line "," $1 * i % 7; print line }' >y.csv
(ulimit -f 1 && "$BRAINALIGN" encode fit --features x.csv --responses y.csv --delays 0 --alphas 1 --cv none \
    --outer-cv kfold:2 --save none -j 1 -q -o out/e.h5 --table out/t.tsv)
echo "status $?, $(find out -type f | wc -l) files"

echo 'studies'
(ulimit -f 8 && small_study little)
[ -f little/study.h5 ] || echo 'no study'
rm -rf little
small_study little
[ -f little/study.h5 ] && echo 'a study'

echo 'stdout'
[ -w /dev/full ] && "$BRAINALIGN" datasets info study/study.h5 >/dev/full
echo "status $?"
