# encode predict and encode score: on rows that were kept apart, never on rows that were fitted.
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 40 --grid 6,6,3 --n-layers 2 --layer-size 12 \
    --n-concepts 2 --n-test-repeats 2 -q -o study || exit 1
x=study/study.h5:/features/layer_1 y=study/study.h5:/responses
"$BRAINALIGN" encode fit --features "$x[0:80,]" --responses "$y[0:80,]" --runs onsets:0,40 --delays 1,2,3 \
    --alphas 100 --cv none -o enc.h5 -q || exit 1
predict() { "$BRAINALIGN" encode predict --encoder enc.h5 "$@"; }
score() { "$BRAINALIGN" encode score --encoder enc.h5 "$@"; }

echo 'predict'
predict --features "$x[80:120,]" -o dry.h5 --dry-run
predict --features "$x[80:120,]" -o pred.h5
echo "exit $?"
"$BRAINALIGN" datasets info pred.h5 | grep /predictions
predict --features study/study.h5:/features/word_rate -o narrow.h5
echo "exit $?"
predict --features study/study.h5:/features/word_rate -o narrow.h5 --dry-run
echo "exit $?"
predict --features "$x[80:120,]" -o pred.h5 -q
echo "exit $?"

echo 'score'
score --features "$x[80:120,]" --responses "$y[80:120,]" -o score.h5 --table score.tsv
echo "exit $?"
[ "$(wc -l <score.tsv)" -eq 65 ] || echo 'not one line a target'
score --features "$x" --responses "$y" --runs study/study.h5:/run -o known.h5
echo "exit $?"
score --features "$x" --responses "$y" --runs study/study.h5:/run -o known.h5 --in-sample -q
echo "exit $?"
score --features "$x" -o none.h5
echo "exit $?"
ls
