# A fit in shards that is killed at any moment: nothing half-written stands under any name that counts, the same call with
# --resume goes on, and the result is that of a fit that nobody disturbed. The last call says so.
study=study/study.h5
"$BRAINALIGN" datasets synth --n-runs 4 --run-length 60 --grid 16,16,10 --n-layers 1 --layer-size 60 \
    --n-concepts 2 --n-test-repeats 2 -q -o study || exit 1
# In the background the program takes the place of the shell, so that it is the one that is killed.
fit_for_good() {
    exec "$BRAINALIGN" encode fit --features $study:/features/layer_1 --responses $study:/responses --runs $study:/run \
        --mask study/mask.nii.gz --delays 1,2,3 --alphas log:0,4,8 -j 1 -q --precision double \
        --save weights,fold-weights,predictions "$@"
}
fit() { (fit_for_good "$@"); }
# whole FILES: every one opens as a complete result.
whole() {
    for file; do
        [ ! -e "$file" ] || "$BRAINALIGN" datasets info "$file" >/dev/null || echo "half-written: $file"
    done
}

mkdir calm
fit -o calm/enc.h5 --table calm/enc.tsv --map calm/enc.nii || exit 1
mkdir out
kills=0 finished=0 moment=2
while [ $moment -le 80 ]; do
    fit_for_good --shards 5 --resume -o out/enc.h5 --table out/enc.tsv --map out/enc.nii &
    running=$!
    sleep "$(printf '0.%03d' $((moment * 3)))"
    kill -KILL $running 2>/dev/null && kills=$((kills + 1))
    wait $running 2>/dev/null
    whole out/enc.h5 out/enc.h5.shards/*.h5
    if [ -e out/enc.h5 ] && [ -e out/enc.tsv ] && [ -e out/enc.nii ]; then
        finished=$((finished + 1))
        cmp calm/enc.tsv out/enc.tsv
        cmp calm/enc.nii out/enc.nii
        rm -rf out
        mkdir out
    fi
    moment=$((moment + 3))
done
[ $kills -ge 10 ] || echo "only $kills kills hit the fit"
fit --shards 5 --resume -o out/enc.h5 --table out/enc.tsv --map out/enc.nii
echo "exit $?"
cmp calm/enc.tsv out/enc.tsv && cmp calm/enc.nii out/enc.nii && echo 'the same table and map'
find out | LC_ALL=C sort
"$BRAINALIGN" report merge out/enc.h5 -o again.h5 --table again.tsv -q && cmp calm/enc.tsv again.tsv

echo 'once more'
"$BRAINALIGN" encode fit --features $study:/features/layer_1 --responses $study:/responses --runs $study:/run \
    --mask study/mask.nii.gz --delays 1,2,3 --alphas log:0,4,8 -j 1 --precision double \
    --save weights,fold-weights,predictions --shards 5 --resume -o out/enc.h5 2>&1
echo "exit $?"

echo 'without shards'
kills=0
for moment in 020 080 150; do
    fit_for_good --resume -o one.h5 &
    running=$!
    sleep 0.$moment
    kill -KILL $running 2>/dev/null && kills=$((kills + 1))
    wait $running 2>/dev/null
    whole one.h5 one.h5.shards/*.h5
done
fit --resume -o one.h5
echo "exit $?"
find . -name '.*.tmp'
"$BRAINALIGN" report merge one.h5 -o two.h5 --table two.tsv -q && cmp calm/enc.tsv two.tsv && echo 'the same table'
