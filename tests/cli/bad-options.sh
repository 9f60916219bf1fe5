# Malformed values of options: exit status 2, whatever the files are.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
with() { bad_fit --features x.csv --responses y.csv "$@"; }

echo 'words'
with --delays 0 --alfas 1
bad encode fitt
echo 'alphas'
for alphas in -1 nan inf 1e999 '' ',' '1,,' 1,-2 auto,1 log: log:1,2 log:1,2,0 log:1,2,1 log:a,b,c log:nan,1,3 log:1,400,4 \
    log:1,2,2.5 log:1,2,-3 log:1,2,99999999999 ten; do
    with --delays 0 "--alphas=$alphas"
done
echo 'delays'
for delays in '' ',' '1,' 1,,2 x 1.5 99999999999 --1 '1 2'; do
    with "--delays=$delays"
done
with --delays 0 --delays features:x
with --delays 0 --delays features:1 --delays features:2
echo 'splits'
for cv in '' kfold kfold:1 kfold:x kfold:-3 kfold:99999999999999999999 chunks:5 chunks:0,2 chunks:4,1 rows: run none:1; do
    with --delays 0 "--cv=$cv"
done
with --delays 0 --outer-cv fold:5
echo 'gaps'
for gap in '' x -1 1.5 1,2 inner outer:x 'inner:1,' inner:1,inner:2 foo:3 99999999999999999999; do
    with --delays 0 "--cv-gap=$gap"
done
echo 'trims'
for trim in '' x -1 1.5 '1,' ',1' 99999999999999999999; do
    with --delays 0 "--trim=$trim"
done
echo 'target ranges'
for range in '' 3:1 2:2 x:2 0:1.5 -1:2 0:1:2 0:4 5:9; do
    with --delays 0 "--target-range=$range"
done
with --delays 0 --target-range 0:2 --shared-alpha
echo 'ranges of a SPEC'
for range in '[]' '[1]' '[1:2]' '[a:b,]' '[3:1,]' '[0:0,]' '[0:25,]' '[30:,]' '[,0:3]' '[1:2,3:4,5:6]' '[-1:3,]' \
    '[0:99999999999999999999999,]'; do
    bad_fit --features "x.csv$range" --responses y.csv --delays 0
done
echo 'preparation'
for detrend in '' linear poly poly:-1 poly:x savgol: savgol:0 savgol:x; do
    with --delays 0 --tr 2 "--detrend=$detrend"
done
with --delays 0 --detrend savgol:100
echo 'feature spaces'
bad_fit --features sem=x.csv --features sem=y.csv --responses y.csv --delays 0
bad_fit --features features2=x.csv --features y.csv --responses y.csv --delays 0
echo 'test sets'
with --delays 0 --test-features x.csv
with --delays 0 --test-responses y.csv
with --delays 0 --test-runs y.csv
with --delays 0 --test-features x.csv --test-features x.csv --test-responses y.csv
with --delays 0 --test-features sem=x.csv --test-responses y.csv
with --delays 0 --test-features x.csv --test-responses y.csv --outer-cv kfold:2
with --delays 0 --run-table runs.tsv
