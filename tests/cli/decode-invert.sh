# decode invert and decode identify: held-out rows by the weights of their fold, and what they refuse.
. "$SOURCE/tests/cli/bad.inc"
small_study study
x=study/study.h5:/features/layer_1 y=study/study.h5:/responses
kfold="--delays 1,2 --outer-cv kfold:4 --alphas 100 --cv none -j 1 -q"
fit() { "$BRAINALIGN" encode fit --features "$x" --responses "$y" --runs study/study.h5:/run $kfold "$@" || exit 1; }
fit --save weights,fold-weights -o enc.h5

echo 'invert'
"$BRAINALIGN" decode invert --encoder enc.h5 -j 1 --share 0.5 -o inv.h5 2>&1 | grep -c 'wrote inv.h5'
"$BRAINALIGN" datasets info inv.h5 | grep '/scores/r'
bad decode invert --encoder enc.h5 -j 1 -q --share 0.5 -o inv.h5
"$BRAINALIGN" decode invert --encoder enc.h5 -j 1 --prior flat --noise diagonal --save-delayed -o blue.h5 -q
"$BRAINALIGN" datasets info blue.h5 | grep '/scores/r'
"$BRAINALIGN" decode invert --encoder enc.h5 -j 1 --in-sample --share 0.5 -o in.h5 2>&1 | grep -c 'in sample'
"$BRAINALIGN" decode invert --encoder enc.h5 --features "$x" --responses "$y" --runs study/study.h5:/run \
    --dry-run -o dry.h5 2>&1 | grep -c 'memory at the peak .* nothing written'

echo 'identify'
"$BRAINALIGN" decode identify --encoder enc.h5 -j 1 --noise low-rank --noise-rank 3 --segment 5 --save-evidence \
    -o id.h5 --table id.tsv 2>&1 | grep -c 'rank accuracy'
head -1 id.tsv
wc -l <id.tsv
numbers 7 4 3 >words.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print i % 7 }' >true.csv
awk 'BEGIN { for (i = 0; i < 7; i++) print -i }' >prior.csv
"$BRAINALIGN" decode identify --encoder enc.h5 -j 1 --share ledoit-wolf --gallery words.csv --true true.csv \
    --log-prior prior.csv --by correlation --top 2 -q -o words.h5 --table words.tsv
echo "exit $?"
head -1 words.tsv

echo 'no weights'
fit -o plain.h5
bad decode invert --encoder plain.h5 -j 1 -o o.h5
"$BRAINALIGN" encode fit --features "$x" --features b=study/study.h5:/features/layer_2 --responses "$y" --bands 3 \
    --runs study/study.h5:/run --delays 1,2 --outer-cv kfold:4 --save weights,fold-weights -j 1 -q -o bands.h5 || exit 1
echo 'several spaces'
"$BRAINALIGN" decode invert --encoder bands.h5 -j 1 --share 0.5 --prior spaces --space b -o b.h5 2>&1 | grep 'space\|features from'
"$BRAINALIGN" datasets info b.h5 | grep '/scores/r'
"$BRAINALIGN" decode invert --encoder bands.h5 -j 1 -q -o both.h5 && "$BRAINALIGN" datasets info both.h5 | grep '/scores/r'
"$BRAINALIGN" decode identify --encoder bands.h5 -j 1 --share 0.5 -o bands-id.h5 2>&1 | grep -c 'rank accuracy'
bad decode invert --encoder bands.h5 -j 1 -q --space c -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-space c=small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-space small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-space b=x --prior-space b=y -o o.h5
numbers 3 3 >small.csv
bad decode invert --encoder bands.h5 -j 1 -q --share 0.5 --prior-space b=small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-space b=small.csv --prior-cov small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior flat --prior-rank 2 -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior features --prior-space b=small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior features --prior-cov small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-ar auto --combine block -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-ar 0.5 --prior flat -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --noise white --share 0.5 -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --noise diagonal --shrink-to scaled -o o.h5
bad decode identify --encoder bands.h5 -j 1 -q --share ledoit-wolf --shrink-to identity -o o.h5
bad decode identify --encoder bands.h5 -j 1 -q --nuisance-columns a -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-cov small.csv --prior-ridge 0.1 -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-cov small.csv -o small.csv --force
bad decode invert --encoder bands.h5 -j 1 -q --prior flat --prior-space b=small.csv -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior space -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --features "$x" --responses "$y" -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --features b=study/study.h5:/features/layer_2 --features a="$x" --responses "$y" -o o.h5
two() { "$BRAINALIGN" encode fit --features "$x" --features b=study/study.h5:/features/layer_2 --responses "$y" \
    --runs study/study.h5:/run $kfold --save weights,fold-weights "$@" || exit 1; }
two --delays b:1 -o short.h5
bad decode invert --encoder short.h5 -j 1 -q --prior flat -o o.h5
two --pca 2 -o pca.h5
bad decode invert --encoder pca.h5 -j 1 -q -o o.h5
two --scale-features runs -o scaled.h5
bad decode identify --encoder scaled.h5 -j 1 -q -o o.h5

echo 'bad input'
bad decode invert --encoder enc.h5 -j 1 -q --features "$x" --responses "$y[0:40,]" -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --features study/study.h5:/features/layer_2 --responses "$y" -o o.h5
numbers 3 3 >small.csv
bad decode invert --encoder enc.h5 -j 1 -q --share 0.5 --prior-cov small.csv -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --share 0.5 --prior-mean small.csv -o o.h5
awk 'BEGIN { for (i = 0; i < 4; i++) print (i == 0) "," (i == 1) "," (i == 2) "," (i == 3 ? -1 : 0) }' >minus.csv
bad decode invert --encoder enc.h5 -j 1 -q --share 0.5 --prior-cov minus.csv -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --share 0 -o o.h5
echo 'priors in a dry run, and where they came from'
bad decode invert --encoder enc.h5 -j 1 -q --prior-cov minus.csv --dry-run -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --prior-cov none.csv --dry-run -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --prior-factor small.csv --dry-run -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --prior-mean small.csv --combine block --dry-run -o o.h5
bad decode invert --encoder bands.h5 -j 1 -q --prior-space b=small.csv --dry-run -o o.h5
awk 'BEGIN { for (i = 0; i < 4; i++) print (i == 0) "," (i == 1) "," (i == 2) "," (i == 3) }' >unit.csv
awk 'BEGIN { for (i = 0; i < 12; i++) print i }' >mean.csv
bad decode invert --encoder bands.h5 -j 1 -q --prior-space b=unit.csv --prior-space features=unit.csv --prior-rank 2 -o o.h5
"$BRAINALIGN" decode invert --encoder enc.h5 -j 1 -q --prior-mean mean.csv --combine block --prewhiten --dry-run -o o.h5 && echo 'delays of whitened models'
head -4 mean.csv >short.csv
"$BRAINALIGN" decode invert --encoder enc.h5 -j 1 -q --share 0.5 --prior-mean short.csv --prior-cov unit.csv -o given.h5
"$BRAINALIGN" decode invert --encoder bands.h5 -j 1 -q --share 0.5 --prior-space b=unit.csv -o spaces.h5
for file in given.h5 spaces.h5 words.h5; do "$BRAINALIGN" datasets info $file | awk '/\.(csv|h5) \(/ { print $1 }'; done

bad decode invert --encoder enc.h5 -j 1 -q --prior flat --combine joint -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --in-sample -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --noise low-rank --noise-rank 500 -o o.h5
bad decode invert --encoder enc.h5 -j 1 -q --memory 1K -o o.h5
bad decode identify --encoder enc.h5 -j 1 -q --share 0.5 --segment 40 -o o.h5
head -1 words.csv >one.csv
bad decode identify --encoder enc.h5 -j 1 -q --share 0.5 --gallery one.csv -o o.h5
bad decode identify --encoder enc.h5 -j 1 -q --share 0.5 --gallery small.csv -o o.h5
bad decode identify --encoder enc.h5 -j 1 -q --share 0.5 --gallery words.csv --true prior.csv -o o.h5
bad decode identify --encoder enc.h5 -j 1 -q --share 0.5 --gallery words.csv --log-prior true.csv -o o.h5
bad decode identify --encoder enc.h5 -j 1 -q --true true.csv -o o.h5
