# Rows that a model was fitted on are told from new ones, and so are other voxels.
set -u
fit="$BRAINALIGN encode fit --delays 1,2 -j 1 -q"
"$BRAINALIGN" datasets synth -q -j 1 --n-layers 1 --layer-size 12 --n-concepts 2 --neurons-per-concept 2 --n-runs 3 \
    --run-length 40 --n-test-repeats 2 --grid 6,6,3 -o study || exit 1
x=study/study.h5:/features/layer_1
y=study/study.h5:/responses
run=study/study.h5:/run

echo 'a test set with training rows'
$fit --features "$x[0:80,]" --responses "$y[0:80,]" --test-features "$x[70:120,]" --test-responses "$y[70:120,]" -o a.h5
echo "exit $?"
ls a.h5 2>/dev/null
$fit --features "$x[0:80,]" --responses "$y[0:80,]" --test-features "$x[80:120,]" --test-responses "$y[80:120,]" -o a.h5
echo "exit $?"

echo 'repeats are averaged'
$fit --features "$x" --responses "$y" --runs "$run" -o b.h5
"$BRAINALIGN" encode score -q --encoder b.h5 --features study/study.h5:/test/features/layer_1 \
    --responses study/study.h5:/test/responses -o c.h5
echo "exit $?"

echo 'training rows'
"$BRAINALIGN" encode score -q --encoder b.h5 --features "$x" --responses "$y" --runs "$run" -o d.h5
echo "exit $?"
"$BRAINALIGN" encode score --encoder b.h5 --features "$x" --responses "$y" --runs "$run" -o d.h5 --in-sample 2>&1 |
    grep -c 'in sample'

echo 'shards and voxels'
$fit --features "$x" --responses "$y" --runs "$run" --mask study/mask.nii.gz --target-range 0:20 -o e.h5
"$BRAINALIGN" encode score -q --encoder e.h5 --features study/study.h5:/test/features/layer_1 \
    --responses study/study.h5:/test/responses -o f.h5 --table f.tsv
echo "exit $?, $(wc -l < f.tsv) lines"

echo 'folds from a file'
"$BRAINALIGN" datasets check -q --features "$x" --responses "$y" --delays 1,2 --outer-cv "rows:$run" | grep -c error
echo 'no scores to map'
$fit --features "$x" --responses "$y" --mask study/mask.nii.gz --outer-cv none --map g.nii.gz -o g.h5
echo "exit $?"
