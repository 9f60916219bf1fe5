# Tests, noise ceilings and increments over controls: what is written and said, and what is refused in one line.
. "$SOURCE/tests/cli/bad.inc"
"$BRAINALIGN" datasets synth --n-runs 3 --run-length 100 --grid 14,14,9 --n-layers 2 --layer-size 8 --n-concepts 2 \
    --n-test-repeats 3 -q -o study || exit 1
cat >data <<'ARGUMENTS'
--features
sem=study/study.h5:/features/layer_2
--features
rate=study/study.h5:/features/word_rate
--responses=study/study.h5:/responses
--runs
study/study.h5:/run
--delays=1,2
--detrend=poly:1
ARGUMENTS
cat >test <<'ARGUMENTS'
--test-features
sem=study/study.h5:/test/features/layer_2
--test-features
rate=study/study.h5:/test/features/word_rate
--test-responses=study/study.h5:/test/responses
ARGUMENTS
fit() { "$BRAINALIGN" encode fit @data "$@"; }
# holds NAME FILE: the sizes of its scores that a plain fit does not have.
holds() {
    "$BRAINALIGN" datasets info "$1" | grep -E '/scores/(p|q|r_|null|incr|contr|ceil)' | grep -v by_fold
}

echo 'tests' >&2
fit --permutations 200 --null cosine -o p.h5 --table p.tsv
holds p.h5
head -n 1 p.tsv
awk -F '\t' 'NR > 1 && $6 != "n/a" && ($6 < 1 / 201 - 1e-6 || $6 > 1 || $7 < $6 - 1e-9)' p.tsv
for null in circular phase blocks:10; do
    fit --permutations 200 --null $null -q -o null.h5 --force || echo "failed: $null"
done
fit --permutations 200 --null cosine --dry-run -o dry.h5 | grep tests

echo 'refits' >&2
fit --target-range 0:20 --control rate --permutations 20 -o refit.h5 2>&1 | grep 'test of' >&2
fit --target-range 0:20 --permutations 20 --null refit:circular -o refit.h5 --force 2>&1 | grep 'test of' >&2

echo 'a ceiling' >&2
fit @test --ceiling ev --permutations 60 --null circular -o c.h5 --table c.tsv
holds c.h5
for ceiling in split-half ccnorm isc; do
    fit @test --ceiling $ceiling -o ceiling.h5 --force 2>&1 | grep 'ceiling by' >&2
done
holds ceiling.h5
fit @test --ceiling none -q -o ceiling.h5 --force

echo 'controls' >&2
fit --control rate --permutations 100 --null cosine -o i.h5 --table i.tsv
holds i.h5
head -n 1 i.tsv
fit --control rate -o alone.h5
holds alone.h5

echo 'shards'
for k in 1 2; do
    fit --control rate --permutations 100 --null cosine --shard $k/2 -q -o part-$k.h5
done
"$BRAINALIGN" report merge part-2.h5 part-1.h5 -o merged.h5 --table merged.tsv 2>&1 | grep -c 'test of'
cmp i.tsv merged.tsv && echo 'the same table'
fit --control rate --permutations 99 --shard 1/2 -q -o part-1.h5 --force
"$BRAINALIGN" report merge part-2.h5 part-1.h5 -o no.h5 2>&1

echo 'refused'
refused() { bad encode fit @data -o e.h5 "$@"; }
refused --permutations 0
refused --permutations -5
refused --permutations many
refused --permutations 100 --null cosinus
refused --permutations 100 --null blocks
refused --permutations 100 --null blocks:0
refused --permutations 100 --null blocks:51
refused --permutations 100 --null circular --null-min-shift 51
refused --permutations 100 --null-min-shift 3
refused --null cosine
refused --null-min-shift 3
refused --permutations 100 --null cosine --outer-cv none
refused --control rate --outer-cv none
refused --control word_rate
refused --control rate --control sem
refused --control rate --control rate
refused --control rate --permutations 100 --null circular
refused --ceiling ev
refused @test --ceiling noise
refused @test --ceiling-floor 0.2
refused @test --ceiling ev --ceiling-floor 0
refused @test --ceiling ev --ceiling-floor 1.5
awk 'BEGIN { for (i = 0; i < 100; i++) { line = i; for (j = 1; j < 932; j++) line = line "," (i * j) % 17; print line } }' >one.csv
bad encode fit @data --test-features study/study.h5:/test/features/layer_2 \
    --test-features rate=study/study.h5:/test/features/word_rate --test-responses one.csv --ceiling ev -o e.h5
