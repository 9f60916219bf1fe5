# Inputs that do not fit together, and features that are not finite.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
small_study study || exit 1
study=study/study.h5
with() { bad_fit --features x.csv --responses y.csv --delays 0 "$@"; }

echo 'rank'
bad_fit --features $study:/test/responses --responses y.csv --delays 0
bad_fit --features x.csv --responses $study:/test/responses --delays 0
bad_fit --features $study:/words/token --responses y.csv --delays 0
with --test-features $study:/test/responses --test-responses y.csv

echo 'not finite'
sed '5s/^[^,]*/nan/' x.csv >nan.csv
sed '7s/[^,]*$/-inf/' x.csv >infinite.csv
{
    echo 'pitch,loudness'
    cat infinite.csv
} >named.csv
bad_fit --features nan.csv --responses y.csv --delays 0
bad_fit --features infinite.csv --responses y.csv --delays 0
bad_fit --features sound=named.csv --responses y.csv --delays 0
bad_fit --features 'nan.csv[2:20,]' --responses 'y.csv[0:18,]' --delays 0
with --test-features nan.csv --test-responses y.csv

echo 'lengths'
numbers 23 3 >y23.csv
numbers 3 24 >turned.csv
bad_fit --features x.csv --responses y23.csv --delays 0
bad_fit --features x.csv --responses turned.csv --delays 0
bad_fit --features x.csv --features y23.csv --responses y.csv --delays 0
with --nuisance y23.csv
with --runs 'y23.csv[,0:1]'
with --runs y.csv
with --cv rows:y.csv
with --cv 'rows:y23.csv[,0:1]'
awk 'BEGIN { for (i = 0; i < 24; i++) print i / 2 }' >halves.csv
with --outer-cv rows:halves.csv
with --test-features y.csv --test-responses y.csv
with --test-features x.csv --test-responses x.csv
with --test-features x.csv --test-responses y23.csv
bad datasets check --features x.csv --responses y23.csv

echo 'encoders'
"$BRAINALIGN" encode fit --features x.csv --responses y.csv --delays 0 -j 1 -q -o enc.h5 || exit 1
"$BRAINALIGN" encode fit --features x.csv --responses y.csv --delays 0 -j 1 -q --save none -o bare.h5 || exit 1
bad encode predict --encoder enc.h5 --features y.csv -o p.h5
bad encode predict --encoder enc.h5 --features x.csv --features y.csv -o p.h5
bad encode predict --encoder bare.h5 --features x.csv -o p.h5
bad encode score --encoder enc.h5 --features x.csv --responses x.csv -o p.h5
bad encode score --encoder enc.h5 --features x.csv --responses y.csv -o p.h5

echo 'masks'
small_study other 5,6,3 || exit 1
gzip -dc study/mask.nii.gz >mask.nii
cp mask.nii moved.nii
# The translation of the first row, -7.5 mm: now 30.
printf '\000\000\360\101' | dd of=moved.nii bs=1 seek=292 conv=notrunc 2>/dev/null
head -c 352 mask.nii >empty.nii
head -c $(($(wc -c <mask.nii) - 352)) /dev/zero >>empty.nii
for mask in other/mask.nii.gz moved.nii empty.nii y.csv; do
    bad_fit --run-table study/runs.tsv --delays 1 --mask $mask
done
with --mask mask.nii
with --map r.nii.gz

echo 'runs'
awk 'BEGIN { for (i = 0; i < 24; i++) print (i >= 8 && i < 16) + 1 }' >back.csv
awk 'BEGIN { for (i = 0; i < 24; i++) print i == 5 ? "nan" : 1 }' >gap.csv
with --runs back.csv
with --runs gap.csv
for onsets in '' 5 0,10,5 0,24 0,x 0,,5 '0,8,' -1; do
    with --runs onsets:$onsets
done
