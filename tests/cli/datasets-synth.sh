# A study is the same for the same seed, refuses to replace another, and says what it holds.
small='--n-runs 3 --run-length 30 --grid 6,6,3 --n-layers 2 --layer-size 12 --n-concepts 2 --n-test-repeats 2'
# shellcheck disable=SC2086  # the options are words
synth() { "$BRAINALIGN" datasets synth $small -q "$@"; }
synth -o one && synth -o two -j 1 && synth -o three --seed 1
cmp one/study.h5 two/study.h5 && cmp one/words.tsv two/words.tsv && echo same
cmp -s one/words.tsv three/words.tsv || echo different
synth -o one
echo "exit $?"
synth -o one --force
echo "exit $?"
synth -o four --dry-run
[ -e four ] && echo 'the dry run wrote'
"$BRAINALIGN" datasets info one/study.h5 | grep -E 'format|responses|layer_'
