# Presets: what they set and say, what wins over them, and what is refused.
. "$SOURCE/tests/cli/bad.inc"
small_study study || exit 1
study=study/study.h5
cat >data <<ARGUMENTS
--responses=$study:/responses
--runs=$study:/run
--features=a=$study:/features/layer_1
--progress=never
ARGUMENTS

echo 'notes'
for preset in huth himalaya litcoder; do
    case $preset in
    huth) more='--cv bootstrap:3,5,2' ;;
    himalaya) more= ;;
    litcoder) more='--delays 1,2 --cv chunks:5,3 --outer-cv chunks:10,3' ;;
    esac
    # shellcheck disable=SC2086  # words are meant
    "$BRAINALIGN" encode fit @data -j 1 --preset $preset $more --table $preset.tsv -o $preset.h5 2>said
    echo "exit $?"
    grep -o "preset $preset: --[^:]*:" said
    "$BRAINALIGN" datasets info $preset.h5 | sed -n 's/^ *preset *//p'
done
"$BRAINALIGN" encode fit @data -j 1 --preset litcoder --delays 1,2 -o none 2>&1 | tail -n 1

echo 'the same as its options'
"$BRAINALIGN" encode fit @data -j 1 --delays 1,2,3,4 --delay-across-runs --scale-features runs --scale-responses runs --intercept no \
    --alphas log:1,3,10 --alpha-units squared --singular-cutoff 1e-10 --select r --inner-scaling outer --cv bootstrap:3,5,2 \
    --cv-gap 0 -q --table options.tsv -o options.h5
cmp huth.tsv options.tsv && echo same
"$BRAINALIGN" encode fit @data -j 1 --preset huth --cv bootstrap:3,5,2 --seed 1 -q --table seed.tsv -o seed.h5
cmp -s huth.tsv seed.tsv || echo 'another seed draws other chunks'
"$BRAINALIGN" encode fit @data -j 1 --preset huth --cv bootstrap:3,5,2 -q --resume -o huth.h5
echo "exit $?"

echo 'explicit options win'
"$BRAINALIGN" encode fit @data -j 1 --preset huth --cv kfold:3 --cv-gap 2 --alphas auto --alpha-units penalty --singular-cutoff 0 \
    --delays 2 -o explicit.h5 2>said
echo "exit $?"
grep -o 'preset huth: --[^:]*:' said
"$BRAINALIGN" datasets info explicit.h5 | sed -n 's/^ *preset *//p'

echo 'sets, a test set, shards, refits'
awk 'BEGIN { for (i = 0; i < 60; i++) print (i % 7 < 2) "," (i % 5 < 2) }' >sets.csv
"$BRAINALIGN" encode fit @data -j 1 --preset huth --cv sets:sets.csv -q -o sets.h5
echo "exit $?"
"$BRAINALIGN" datasets info sets.h5:/splits/inner_sets | sed -n 's/^ *shape *//p'
"$BRAINALIGN" encode fit @data -j 1 --preset litcoder --delays 1,2 --cv chunks:5,3 --test-features a=$study:/test/features/layer_1 \
    --test-responses $study:/test/responses -q -o test.h5
echo "exit $?"
for part in 1 2; do
    "$BRAINALIGN" encode fit @data -j 1 --preset huth --cv bootstrap:3,5,2 --target-range $(((part - 1) * 32)):$((part * 32)) \
        -q -o s$part.h5
done
"$BRAINALIGN" report merge s1.h5 s2.h5 -q --table merged.tsv -o joined.h5
cmp huth.tsv merged.tsv && echo same

echo 'refused'
bad_fit @data --preset voxelwise
bad_fit @data --preset huth -q
bad_fit @data --preset huth --cv bootstrap:3,5
bad_fit @data --preset huth --cv bootstrap:3,0,2
bad_fit @data -q --preset himalaya --outer-cv bootstrap:3,5,2
bad_fit @data --delays 1 --alpha-units squared
bad_fit @data --delays 1 --singular-cutoff -1
bad_fit @data --delays 1 --cv sets:none.csv
printf '1\n0\n' >short.csv
bad_fit @data --delays 1 --cv sets:short.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print i % 3 }' >three.csv
bad_fit @data --delays 1 --cv sets:three.csv
