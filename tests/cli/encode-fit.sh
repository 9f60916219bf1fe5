# encode fit on a small study: writes what it was asked for, all of it or nothing, and says so.
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 40 --grid 6,6,3 --n-layers 2 --layer-size 12 \
    --n-concepts 2 --n-test-repeats 2 -q -o study || exit 1
cat >data <<'ARGUMENTS'
# one layer of the study
--features
study/study.h5:/features/layer_1
--responses=study/study.h5:/responses
--runs
study/study.h5:/run
ARGUMENTS
fit() { "$BRAINALIGN" encode fit @data "$@"; }

fit --delays 1,2,3 -o dry.h5 --table dry.tsv --dry-run | cut -c 1-12
[ -e dry.h5 ] || [ -e dry.tsv ] && echo 'the dry run wrote'
fit --delays 1,2,3 -o enc.h5 --table scores.tsv --map r.nii.gz --mask study/mask.nii.gz
head -n 1 scores.tsv
[ "$(wc -l <scores.tsv)" -eq 65 ] || echo 'not one line a target'
"$BRAINALIGN" datasets info enc.h5 r.nii.gz | grep -E '^  (format|/weights|/scores/r |command|grid|inputs)' |
    sed 's/XXH3-128 [0-9a-f]*/.../; s/([0-9.]* KB/(.../'

echo 'audit'
fit --delays 1,2,3 --audit -o audit.h5 2>&1 | grep audit: | sed 's/-*[0-9]\.[0-9]*/#/g'
rm audit.h5
fit --delays 1 --pca 2 --audit -o audit.h5 2>&1
echo "exit $?"
fit --delays 1 --cv none --alphas 10 --outer-cv none --audit -o audit.h5 2>&1
echo "exit $?"

echo 'refused: exists'
fit --delays 1,2,3 -o enc.h5
echo "exit $?"
echo 'replaced'
fit --delays 1,2,3 -o enc.h5 --force -q
echo "exit $?"
echo 'values with dashes'
fit --delays -1,0,1 -o dash.h5 -q
echo "exit $?"
fit --delays=-1,0 --alphas -1,2 -o minus.h5 -q
echo "exit $?"
fit --delays 1 --cv none --alphas 10 --outer-cv none -o quiet.h5 -q 2>&1
echo "exit $?"
ls
