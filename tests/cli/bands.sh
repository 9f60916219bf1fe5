# Banded ridge and partitions: what is said, what is refused.
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
arrays() { "$BRAINALIGN" datasets info "$1" | grep -o '/bands/[a-z0-9_]*' | sort -u | paste -s -d ' ' -; }

echo 'fit'
"$BRAINALIGN" encode fit @data --bands 6 --alphas log:0,3,4 --save weights,cv -j 1 --progress never -o b.h5 2>said
echo "exit $?"
grep -c 'of mean r' said
grep -c 'share one alpha' said
"$BRAINALIGN" encode predict --encoder b.h5 --features a=$study:/features/layer_1 --features b=$study:/features/layer_2 \
    --runs $study:/run -j 1 -q -o p.h5
echo "exit $?"
printf '0.5,0.5\n1,0\n' >gammas.csv
"$BRAINALIGN" encode fit @data --bands file:gammas.csv --band-refine 1 --shared-alpha --shared-bands -j 1 -q -o shared.h5
echo "exit $?"
printf -- '-3,-5\n' >deltas.csv
"$BRAINALIGN" encode fit @data --bands deltas:deltas.csv --cv none -j 1 -q -o deltas.h5
echo "exit $?"
"$BRAINALIGN" encode fit @data --bands 5 --control a --permutations 20 -j 1 -q -o control.h5
echo "exit $?"
for part in 1 2; do
    "$BRAINALIGN" encode fit @data --bands 5 --target-range $(((part - 1) * 32)):$((part * 32)) -j 1 -q -o s$part.h5
done
"$BRAINALIGN" encode fit @data --bands 5 -j 1 -q -o whole.h5
"$BRAINALIGN" report merge s1.h5 s2.h5 -q -o joined.h5
echo "exit $?"

echo 'refused'
bad_fit @data --bands 0
bad_fit @data --bands many
bad_fit @data --bands 5 --alphas 0,1
bad_fit @data --bands 5 --inner-scaling strict
bad_fit @data --bands 5 --cv none --alphas 1
bad_fit @data --bands 5 --band-refine 1 --target-range 0:32
bad_fit @data --bands 5 --shared-bands --shards 1
bad_fit @data --band-refine 1
bad_fit @data --bands deltas:deltas.csv --alphas 1
printf '0.5,0.3,0.2\n' >three.csv
bad_fit @data --bands file:three.csv
printf '1,-1\n' >negative.csv
bad_fit @data --bands file:negative.csv
bad_fit @data --bands file:none.csv
bad encode fit --features a=$study:/features/layer_1 --responses $study:/responses --delays 1 --bands 3 -j 1 -o e2.h5

echo 'partition'
"$BRAINALIGN" encode partition @data --bands 5 --alphas log:0,3,4 --permutations 20 -j 1 -q -o part.h5 --table part.tsv
echo "exit $?"
head -n 1 part.tsv | tr '\t' ' '
wc -l <part.tsv | tr -d ' '
"$BRAINALIGN" encode partition @data --bands 5 -j 1 --dry-run -o none | cut -c 1-12
bad encode partition --features a=$study:/features/layer_1 --responses $study:/responses --delays 1 -j 1 -o p2.h5
bad encode partition @data --permutations 5 --null phase -j 1 -o p2.h5
bad encode partition @data --outer-cv none -j 1 -o p2.h5
bad encode partition @data -j 1 -o part.h5
