# Splits, delays and trims that leave nothing to fit or to score.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
awk 'BEGIN { for (i = 0; i < 24; i++) print int(i / 8) }' >runs.csv
with() { bad_fit --features x.csv --responses y.csv "$@"; }

echo 'folds'
with --delays 0 --cv kfold:50
with --delays 0 --outer-cv kfold:50
with --delays 0 --outer-cv kfold:24 --cv kfold:24
with --delays 0 --cv runs
with --delays 0 --outer-cv runs
with --delays 0 --cv chunks:8,5
with --delays 0 --cv none
with --delays 0 --cv none --alphas 1,2
awk 'BEGIN { for (i = 0; i < 24; i++) print 7 }' >one.csv
with --delays 0 --outer-cv rows:one.csv
bad_fit --features 'x.csv[0:1,]' --responses 'y.csv[0:1,]' --delays 0

echo 'gaps'
with --delays 0 --cv-gap 24
with --delays 0 --cv-gap inner:24
with --delays 0 --cv-gap outer:24
with --delays 1 --tr 0.5

echo 'delays'
with --delays 24
with --delays -24
with --delays 8 --runs runs.csv
with --delays 24 --delay-across-runs --runs runs.csv
with --delays 1,1
with --delays 0 --delays sem:1

echo 'trims'
with --delays 0 --runs runs.csv --trim 8
with --delays 0 --runs runs.csv --trim 4,4

echo 'degenerate'
awk 'BEGIN { for (i = 0; i < 24; i++) print "5,5" }' >constant.csv
bad_fit --features constant.csv --responses y.csv --delays 0
bad_fit --features x.csv --responses constant.csv --delays 0 --shared-alpha
