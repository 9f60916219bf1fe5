# decode fit: what is written and said, and what is refused in one line.
. "$SOURCE/tests/cli/bad.inc"
numbers 48 6 1 >y.csv
numbers 48 2 7 | paste -d, y.csv - | awk -F, -v OFS=, '{ print $1 - $2 + $7 / 2, $3 + $8 / 2 }' >x.csv
fit() { "$BRAINALIGN" decode fit -j 1 --responses y.csv --runs onsets:0,16,32 "$@"; }

fit --features x.csv --response-delays 0 -o dec.h5
"$BRAINALIGN" datasets info dec.h5 | grep -v provenance | awk '/^  *\// { print $1, $2, $3, $4 }'
echo 'later responses, weights'
fit --features x.csv --response-delays 0,1,2 --tr 4 --trim 1 --save weights,fold-weights,cv --shared-alpha -q -o later.h5
"$BRAINALIGN" datasets info later.h5 | awk '/weights|cv_scores/ { print $1, $2, $3, $4, $5, $6, $7, $8, $9 }'
fit --features x.csv --response-delays 0,1,2 --tr 4 --trim 1 --dry-run -o none.h5 | grep -v memory
echo 'categories of blocks'
awk 'BEGIN { print "block\tcategory"; for (i = 0; i < 48; i++) print int(i / 4) "\t" (int(i / 4) % 2 ? "tool" : "face") }' >volumes.tsv
awk 'NR > 1 { print $1 }' volumes.tsv >blocks.csv
fit --labels volumes.tsv:category --blocks blocks.csv --response-delays 0 --alphas 1 -o class.h5
"$BRAINALIGN" datasets info class.h5 | awk '/classes/ { print $1, $2, $3, $4 }'
echo 'the decoded against the true'
"$BRAINALIGN" decode score --predicted dec.h5:/scaled/predictions --true dec.h5:/scaled/features --permutations 100 -j 1 -o s.json 2>&1 | grep -c 2v2
printf 'run\tresponses\n1\ty.csv[0:16,]\n2\ty.csv[16:48,]\n' >runs.tsv
"$BRAINALIGN" decode fit -j 1 -q --run-table runs.tsv --labels volumes.tsv:category --response-delays 0 --outer-cv kfold:3 -o table.h5 && echo 'run table without features'

echo 'responses chosen in each fold'
fit --features x.csv --response-delays 0,1 --n-voxels 2 --save weights --alphas 1,10 -o chosen.h5
"$BRAINALIGN" datasets info chosen.h5 | awk '/selected|weights/ && !/command/ { print $1, $2, $3, $4, $5, $6 }'

echo 'by categories, by repeats'
fit --labels volumes.tsv:category --blocks blocks.csv --response-delays 0 --alphas 1 --n-voxels 3 --voxel-score f -q -o f.h5
"$BRAINALIGN" datasets info f.h5 | awk '/selected|score_by_fold/ && !/command/ { print $1, $2, $3, $4 }'
fit --features x.csv --response-delays 0 --alphas 1 --cv none --n-voxels 3 --voxel-score stability --voxel-items volumes.tsv:category -q -o stable.h5 && echo written

echo 'by neighbourhoods, by regions'
for i in 0 1 2 3 4 5; do echo "$i,0"; done >places.csv
printf 'area\na\nb\na\nn/a\nb\nc\n' >areas.tsv
light='--features x.csv --response-delays 0,1 --n-voxels 2 --voxel-score searchlight'
fit $light --radius 1 --voxel-positions places.csv -q -o light.h5
"$BRAINALIGN" datasets info light.h5 | awk '/selected|score_by_fold/ && !/command/ { print $1, $2, $3, $4 }'
fit --features x.csv --response-delays 0 --rois areas.tsv:area --voxel-score roi -o roi.h5 2>&1 | grep region
"$BRAINALIGN" datasets info roi.h5 | awk '/selected|areas.tsv \(/ { print $1, $2, $3, $4 }'
fit --features x.csv --response-delays 0 --rois areas.tsv:area --roi b --roi c --n-voxels 2 -o some.h5 2>&1 | grep 'region\|chosen'

sed 's/^\(.*\),[^,]*$/\1,7/' y.csv >flat.csv
"$BRAINALIGN" decode fit -j 1 --responses flat.csv --runs onsets:0,16,32 --features x.csv --response-delays 0 --rois areas.tsv:area \
    --voxel-score roi -o flat.h5 2>&1 | grep "'c'"
bad decode fit -j 1 -q --responses flat.csv --runs onsets:0,16,32 --features x.csv --response-delays 0 --rois areas.tsv:area \
    --voxel-score roi --n-rois 3 -o x.h5

echo 'multinomial'
fit --labels volumes.tsv:category --blocks blocks.csv --response-delays 0 --alphas 1,10 --multinomial -o soft.h5 2>&1 | grep -c multinomial

echo 'audit'
fit --features x.csv --response-delays 0,1 --n-voxels 2 --alphas 1,10 --audit --force -o chosen.h5 2>&1 | grep audit: | sed 's/-*[0-9]\.[0-9]*/#/g'
fit --features x.csv --response-delays 0,1 --n-voxels 2 --alphas 1,10 --outer-cv kfold:4 --cv-gap 0 --audit -o leaks.h5 2>&1
echo "exit $?"
[ -e leaks.h5 ] && echo 'written in spite of the audit'

echo 'refused'
bad_decode() { bad decode fit -j 1 --runs onsets:0,16,32 -o x.h5 "$@"; }
bad_decode --features x.csv --response-delays 0
bad_decode --responses y.csv --response-delays 0
bad_decode --responses y.csv --features x.csv
bad_decode --responses y.csv --features x.csv --response-delays 1,1
bad_decode --responses y.csv --features x.csv --response-delays 16
bad_decode --responses y.csv --features x.csv --labels volumes.tsv:category --response-delays 0
bad_decode --responses y.csv --labels volumes.tsv:colour --response-delays 0
bad_decode --responses y.csv --labels volumes.tsv:category --response-delays 0 --nuisance-columns a
bad_decode --responses y.csv --features 'x.csv[0:40,]' --response-delays 0
bad_decode --responses y.csv --features x.csv --response-delays 0 --blocks y.csv
bad_decode --responses y.csv --features x.csv --response-delays 0 --blocks blocks.csv --trim 1
bad_decode --responses y.csv --features x.csv --response-delays 9 --blocks blocks.csv
bad_decode --responses y.csv --features x.csv --response-delays 0 --scale-features runs
bad_decode --responses y.csv --features x.csv --response-delays 0 --save none,cv
bad_decode --responses y.csv --features x.csv --response-delays 0 --memory 100
bad decode fit --responses y.csv --features x.csv --response-delays 0 -o y.csv
bad decode fit -j 1 --responses y.csv --features x.csv --response-delays 0 -o dec.h5
sed 's/face/tool/' volumes.tsv >one.tsv
bad_decode --responses y.csv --labels one.tsv:category --response-delays 0
sed '3s/face/n\/a/' volumes.tsv >gap.tsv
bad_decode --responses y.csv --labels gap.tsv:category --response-delays 0
sed '3s/face/tool/' volumes.tsv >mixed.tsv
bad_decode --responses y.csv --labels mixed.tsv:category --blocks blocks.csv --response-delays 0
head -40 volumes.tsv >short.tsv
bad_decode --responses y.csv --labels short.tsv:category --response-delays 0
awk 'BEGIN { for (i = 0; i < 48; i++) print int(i / 10) }' >over.csv
bad_decode --responses y.csv --features x.csv --response-delays 0 --blocks over.csv
sed 's/.*/-1/' blocks.csv >no.csv
bad_decode --responses y.csv --features x.csv --response-delays 0 --blocks no.csv
sed '3s/^[^,]*/nan/' x.csv >nan.csv
bad_decode --responses y.csv --features nan.csv --response-delays 0
sed '3s/.*/nan,nan,nan,nan,nan,nan/' y.csv >nan.csv
bad_decode --responses nan.csv --features x.csv --response-delays 0
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 0
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 7
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --voxel-alphas -1
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --cv none --alphas 1
bad_decode --responses y.csv --features x.csv --response-delays 0,1 --blocks blocks.csv --n-voxels 2
sed 's/^[^,]*,[^,]*/1,1/' y.csv >constant.csv
bad_decode --responses constant.csv --features x.csv --response-delays 0 --n-voxels 5
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --voxel-score f
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --voxel-score stability
bad_decode --responses y.csv --labels volumes.tsv:category --response-delays 0 --voxel-score f
bad_decode --responses y.csv --labels volumes.tsv:category --response-delays 0 --n-voxels 2 --voxel-items volumes.tsv:block
awk 'BEGIN { for (i = 0; i < 48; i++) print "i" i }' >once.txt
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --voxel-score stability --voxel-items once.txt
bad_decode --responses y.csv --features x.csv --response-delays 0 --multinomial
bad_decode --responses y.csv $light
bad_decode --responses y.csv $light --voxel-positions places.csv
bad_decode --responses y.csv $light --voxel-positions places.csv --radius far
bad_decode --responses y.csv $light --voxel-positions places.csv --radius 1mm
bad_decode --responses y.csv $light --voxel-positions 'places.csv[0:4,]' --radius 1
bad_decode --responses y.csv $light --voxel-positions places.csv --radius 1 --voxel-alphas 0,1
bad_decode --responses y.csv $light --voxel-positions places.csv --radius 1 --cv none --alphas 1
bad_decode --responses y.csv --features x.csv --response-delays 0 --n-voxels 2 --radius 1
areas='--features x.csv --response-delays 0 --rois areas.tsv:area'
bad_decode --responses y.csv --features x.csv --response-delays 0 --roi a
bad_decode --responses y.csv --features x.csv --response-delays 0 --voxel-score roi
bad_decode --responses y.csv --features x.csv --response-delays 0 --voxel-alphas 1
bad_decode --responses y.csv $areas --roi d
bad_decode --responses y.csv $areas --roi a --n-voxels 3
bad_decode --responses y.csv $areas --n-rois 1
bad_decode --responses y.csv $areas --voxel-score roi --n-rois 4
bad_decode --responses y.csv $areas --voxel-score roi --n-rois 0
bad_decode --responses y.csv $areas --voxel-score roi --n-voxels 2
bad_decode --responses y.csv $areas --voxel-score roi --cv none --alphas 1
bad_decode --responses y.csv --features x.csv --response-delays 0 --rois mask=dec.h5
