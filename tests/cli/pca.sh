# Principal components: every command that meets them, and what is refused.
. "$SOURCE/tests/cli/bad.inc"
small_study study || exit 1
study=study/study.h5
cat >data <<ARGUMENTS
--responses=$study:/responses
--runs=$study:/run
--delays=1,2
--features=a=$study:/features/layer_1
--features=b=$study:/features/layer_2
ARGUMENTS
# shapes FILE SPACE...: of the spaces' components, where they have some.
shapes() {
    file=$1
    shift
    for space in "$@"; do
        shape=$("$BRAINALIGN" datasets info "$file:/pca/$space/components" 2>/dev/null | sed -n 's/^ *shape *//p')
        echo "$space: ${shape:-none}"
    done
}

echo 'fit'
"$BRAINALIGN" encode fit @data --pca 4 --pca b=2 --save weights,fold-weights -j 1 -q -o p.h5
echo "exit $?"
shapes p.h5 a b
"$BRAINALIGN" datasets info p.h5 | grep -E '^ */[a-z_]*weights ' | tr -s ' '
"$BRAINALIGN" encode fit @data --pca b=2 -j 1 -q -o b.h5
echo "exit $?"
shapes b.h5 a b
"$BRAINALIGN" encode predict --encoder p.h5 --features a=$study:/features/layer_1 --features b=$study:/features/layer_2 \
    --runs $study:/run -j 1 -q -o predicted.h5
echo "exit $?"
"$BRAINALIGN" encode score --encoder p.h5 --features a=$study:/test/features/layer_1 --features b=$study:/test/features/layer_2 \
    --responses $study:/test/responses -j 1 -q -o scored.h5
echo "exit $?"

echo 'shards'
for part in 1 2; do
    "$BRAINALIGN" encode fit @data --pca 3 --target-range $(((part - 1) * 32)):$((part * 32)) -j 1 -q -o s$part.h5
done
"$BRAINALIGN" report merge s1.h5 s2.h5 -q -o joined.h5
echo "exit $?"
"$BRAINALIGN" encode fit @data --pca 3 -j 2 -q -o whole.h5
shapes joined.h5 a b

echo 'each, bands, controls'
"$BRAINALIGN" encode fit @data --each --stack --pca 3 --pca a=4 --save weights,predictions -j 1 -q -o each
echo "exit $?"
shapes each/a.h5 a b
shapes each/b.h5 a b
"$BRAINALIGN" encode fit @data --pca 3 --bands 4 --alphas log:0,3,3 --control a --permutations 20 -j 1 -q -o bands.h5
echo "exit $?"
"$BRAINALIGN" encode partition @data --pca 3 --bands 4 --alphas log:0,3,3 -j 1 -q -o parts.h5
echo "exit $?"
"$BRAINALIGN" encode fit @data --pca 3 --inner-scaling strict --alphas log:0,3,3 -j 1 -q -o strict.h5
echo "exit $?"
"$BRAINALIGN" encode fit @data --pca 3 -j 1 -q --resume -o whole.h5
echo "exit $?"

echo 'refused'
bad_fit @data --pca 0.9
bad_fit @data --pca many
bad_fit @data --pca -1
bad_fit @data --pca c=3
bad_fit @data --pca 3 --pca 4
bad_fit @data --pca a=3 --pca a=4
bad_fit @data --pca 33
bad_fit @data --pca a=33
bad_fit @data --each --pca c=3
bad encode fit @data --pca 4 -j 1 --resume -o whole.h5
bad encode predict --encoder p.h5 --features a=$study:/features/layer_1 --features b=$study:/features/word_rate -j 1 -o p2.h5
