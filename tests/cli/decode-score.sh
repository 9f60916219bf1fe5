# Scores of decoding: what is written and said, and what is refused in one line.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 3 1 >t.csv
numbers 24 3 7 | paste -d, t.csv - | awk -F, -v OFS=, '{ print $1 + $4 / 2, $2 + $5 / 2, $3 + $6 / 2 }' >p.csv
numbers 40 3 9 | cat t.csv - >g.csv
seq 0 23 >own.csv
awk 'BEGIN { for (i = 0; i < 24; i++) print int(i / 6) }' >groups.csv
score() { "$BRAINALIGN" decode score --predicted p.csv "$@"; }
# value FILE NAME: value, chance and n of a score.
value() { sed -n 's/^  "'"$2"'": {"value": \([0-9.e-]*\), "chance": \([0-9.e-]*\), .*"n": \([0-9]*\),.*/\1 \2 \3/p' "$1" |
    awk -v name="$2" '{ printf "%s %.6f, chance %.6f, n %d\n", name, $1, $2, $3 }'; }

score --true t.csv --groups groups.csv --permutations 500 -o s.json --table s.tsv
for name in pairwise_2v2 pairwise_single rank_accuracy top1 top5 top10 mrr r_mean; do
    value s.json $name
done
head -n 3 s.tsv
grep -c . s.tsv
echo 'the same bytes for any number of threads'
same() { sed '/"provenance"/,$d' "$1"; }
score --true t.csv --groups groups.csv --permutations 500 -j 1 -q -o one.json
same s.json >a
same one.json | cmp - a
echo 'gallery'
score --true t.csv --gallery g.csv --permutations 50 -q -o found.json
score --gallery g.csv --true-column own.csv --permutations 50 -q -o told.json
value found.json mrr
[ "$(value found.json mrr)" = "$(value told.json mrr)" ] || echo 'another result'
echo 'nulls'
for null in within-groups groups circular blocks:6; do
    score --true t.csv --groups groups.csv --null $null --permutations 30 -q -o null.json --force
    sed -n 's/^  "null": {"exchanges": \(.*\), "smallest_p".*/\1/p' null.json
done
score --true t.csv --permutations 0 -q -o none.json
grep -c '"p": null' none.json
echo 'repeats'
small_study study
"$BRAINALIGN" decode score --predicted 'study/study.h5:/test/features/layer_1' --true study/study.h5:/test/features/layer_1 \
    --repeats study/study.h5:/test/responses --permutations 10 -q -o ceiling.json
sed -n '/"ceiling"/,/"n_comparisons"/p' ceiling.json
score --true t.csv --segments 5 --runs onsets:0,12 --dry-run -o dry.json | grep -v memory
echo 'rows that were not decoded'
awk -F, -v OFS=, 'NR == 6 || NR > 22 { print "nan", "nan", "nan"; next } { print }' p.csv >some.csv
awk 'NR != 6 && NR <= 22' p.csv >kept.p.csv
awk 'NR != 6 && NR <= 22' t.csv >kept.t.csv
"$BRAINALIGN" decode score --predicted some.csv --true t.csv --permutations 50 -o some.json 2>&1 | grep -c 'rows were not decoded'
"$BRAINALIGN" decode score --predicted kept.p.csv --true kept.t.csv --permutations 50 -q -o kept.json
[ "$(value some.json mrr)" = "$(value kept.json mrr)" ] || echo 'another result'
grep '"n_rows_not_decoded"' some.json
"$BRAINALIGN" decode score --predicted some.csv --true t.csv --segments 3 --permutations 50 -q -o some3.json
grep -e '"n_items"' -e '"n_runs"' -e left_out some3.json
awk -F, 'NR == 6 { print "nan,1,1"; next } { print }' p.csv >half.csv
bad decode score --predicted half.csv --true t.csv -o x.json

echo 'refused'
bad_score() { bad decode score -o x.json --predicted p.csv "$@"; }
bad_score
bad_score --true t.csv --test binomial
bad_score --true t.csv --null block
bad_score --true t.csv --null blocks:0
bad_score --true t.csv --null groups
bad_score --true t.csv --true-column own.csv
bad_score --true t.csv --null circular --permutations 0
bad_score --true t.csv --ceiling-against one
bad_score --true t.csv --top 0
bad_score --true t.csv --gallery-sizes 2,25
bad_score --true t.csv --segments 0
bad_score --true t.csv --segments 25
bad_score --true t.csv --segments 24
bad_score --true t.csv --null blocks:13
bad_score --true 't.csv[0:20,]'
bad_score --true 't.csv[,0:2]'
bad_score --true t.csv --gallery 'g.csv[0:20,]'
bad_score --gallery g.csv --true-column 'g.csv[0:24,0:1]'
bad_score --true t.csv --gallery 'g.csv[,0:2]'
bad_score --true t.csv --groups p.csv
bad_score --true t.csv --repeats t.csv
bad_score --true none.csv
bad_score --true t.csv --memory 1K
sed '3s/^[^,]*/nan/' t.csv >nan.csv
bad_score --true nan.csv
bad decode score --predicted p.csv --true t.csv -o t.csv
bad decode score --predicted p.csv --true t.csv -o s.json
