# Layers of a model fitted each, stacked, compared and summed up; what is refused on the way.
. "$SOURCE/tests/cli/bad.inc"
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 40 --grid 6,6,3 --n-layers 2 --layer-size 12 \
    --n-concepts 2 -j 1 -q -o study || exit 1
study=study/study.h5
cat >data <<ARGUMENTS
--responses=$study:/responses
--runs=$study:/run
--mask=study/mask.nii.gz
--delays=1,2,3
ARGUMENTS
layers() {
    "$BRAINALIGN" encode fit @data --features a=$study:/features/layer_1 \
        --features b=$study:/features/layer_2 -j 1 -q "$@"
}
echo 'each'
layers --each --stack --dry-run -o none | cut -c 1-24
[ -e none ] && echo 'the dry run wrote'
layers --each --stack --save weights,predictions --table t.tsv --map m.nii.gz -o each
echo "exit $?"
ls each
ls *.tsv *.nii.gz
wc -l <t.a.tsv | tr -d ' '
layers --each -o each 2>&1
echo "exit $?"
numbers 24 6 >wide.csv
numbers 24 3 2 >y.csv
"$BRAINALIGN" encode fit --each --layers wide.csv --layer-size 2 --responses y.csv --delays 0 -j 1 -q -o l 2>&1
ls l

echo 'refused'
bad_fit --each --layers wide.csv --responses y.csv --delays 0
bad_fit --each --layers wide.csv --layer-size 4 --responses y.csv --delays 0
bad_fit --each --layers wide.csv --layer-size 0 --responses y.csv --delays 0
bad_fit --stack --features wide.csv --responses y.csv --delays 0
bad_fit --each --map m.nii.gz --features wide.csv --responses y.csv --delays 0
ln -s y.csv own.wide.csv
bad_fit --each --table own.csv --features wide=wide.csv --responses y.csv --delays 0
bad_fit --each --stack --features wide.csv --responses y.csv --delays 0
bad_fit --each --features wide.csv --features y.csv --responses 'y.csv[0:20,]' --delays 0

echo 'compare'
"$BRAINALIGN" encode compare each/a.h5 each/b.h5 each/stacked.h5 --baseline a --bootstrap 100 \
    --permutations 100 -j 1 -q -o cmp.h5 --table cmp.tsv
echo "exit $?"
head -n 1 cmp.tsv | tr '\t' '\n' | head -n 13 | paste -s -d ' ' -
wc -l <cmp.tsv | tr -d ' '
bad encode compare each/a.h5 -o c.h5
bad encode compare each/a.h5 l/layer_0.h5 -o c.h5
bad encode compare l/layer_0.h5 l/layer_1.h5 -o c.h5
bad encode compare each/a.h5 each/b.h5 --rois "y.csv[,0:1]" -o c.h5
bad encode compare each/a.h5 each/b.h5 --rois y.csv -o c.h5
bad encode compare each/a.h5 $study -o c.h5

echo 'group'
awk 'BEGIN { print "roi\tsubject"; for (i = 0; i < 64; i++) print "roi" i % 2 "\ts" int(i / 16) }' >labels.tsv
"$BRAINALIGN" encode group each/a.h5 --rois labels.tsv:roi --subjects labels.tsv:subject --null joint \
    --permutations 50 -j 1 -q -o group.h5 --table group.tsv
echo "exit $?"
cut -f 1-3 group.tsv
"$BRAINALIGN" encode group each/a.h5 each/b.h5 --mask study/mask.nii.gz --map g.nii.gz --null joint \
    --permutations 20 -j 1 -q -o voxels.h5
echo "exit $?"
ls g.*
bad encode group each/a.h5 -q -o g.h5
bad encode group each/a.h5 --rois study/mask.nii.gz --null joint -q -o g.h5
head -n 20 labels.tsv >short.tsv
bad encode group each/a.h5 --rois short.tsv --subjects labels.tsv:subject -q -o g.h5
bad encode group each/a.h5 l/layer_0.h5 -q -o g.h5
bad encode group each/a.h5 --rois labels.tsv:area -q -o g.h5
