# The test of r beside the scores of a stored encoder: file, table, bad options.
. "$SOURCE/tests/cli/bad.inc"
numbers 60 3 >x.csv
numbers 60 2 5 >y.csv
numbers 40 3 7 >xt.csv
numbers 40 2 9 >yt.csv
"$BRAINALIGN" encode fit --features x.csv --responses y.csv --delays 0 --cv kfold:3 --outer-cv none -j 1 -q -o enc.h5 || exit 1
score() {
    "$BRAINALIGN" encode score --encoder enc.h5 --features xt.csv --responses yt.csv "$@"
}
score --permutations 99 --null circular -j 1 -o s.h5 --table s.tsv 2>said
echo "exit $?"
grep 'test of r' said
cut -f 1,5,8 s.tsv | head -n 1
awk -F '\t' 'NR > 1 && $5 >= 0.025 && $5 <= 1 && $6 >= $5 { n++ } END { print n " targets tested" }' s.tsv
score --permutations 99 -j 2 -q -o two.h5 --table two.tsv
score --permutations 99 -j 1 -q -o one.h5 --table one.tsv
cmp one.tsv two.tsv && echo 'the same for any number of threads'
score -q -o none.h5 --table none.tsv
awk -F '\t' 'NR == 2 { print "without: " $5, $6 }' none.tsv
bad_score() {
    bad encode score --encoder enc.h5 --features xt.csv --responses yt.csv -q -o bad.h5 "$@"
}
bad_score --permutations 0
bad_score --null circular
bad_score --permutations 9 --null-min-shift 3
bad_score --permutations 9 --null wave
bad_score --permutations 9 --null circular --null-min-shift 30
bad_score --permutations 9 --null blocks:30
