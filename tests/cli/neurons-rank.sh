# Rankings of neurons by what they tell of concepts.
. "$SOURCE/tests/cli/bad.inc"
# 48 tokens of 12 words, 3 to 5 tokens each but for the first; words 0 to 3 are nouns, 4 to 7 verbs, the others neither.
awk 'BEGIN {
    print "form\ttag\tsentence\tpart"
    for (i = 0; i < 48; i++) {
        w = i * 7 % 12
        print "w" w "\t" (w < 4 ? "NOUN" : w < 8 ? "VERB" : "_") "\t" int(i / 6) "\t" (i % 4 == 3)
    }
}' >tokens.tsv
# Neuron 1 rises on nouns, 2 falls on verbs, 4 is constant, the others are noise.
numbers 48 6 | awk -F, -v OFS=, '{
    w = (NR - 1) * 7 % 12
    $2 += w < 4 ? 20 : 0
    $3 -= w >= 4 && w < 8 ? 20 : 0
    $5 = 3
    print
}' >x.csv
rank() {
    "$BRAINALIGN" neurons rank --activations x.csv --layer-size 3 --labels tokens.tsv:tag --forms tokens.tsv:form \
        --parts tokens.tsv:part --force "$@"
}
show() { rank -q --halves 0 -o r.tsv "$@" && cut -f 1-7 r.tsv; }

echo 'a table'
show --method ap
echo lca
show --method lca --top 1 | awk -F '\t' 'NR > 1 { $7 = sprintf("%.4f", $7) } { print }'
for method in probeless auroc iou mean concept-selectivity welch corr spearman mi expert; do
    echo "$method"
    show --method $method --top 1
done
echo 'gaussian'
show --method gaussian --gaussian neurox --picks 2 | head -n 3
echo 'the other end'
show --method auroc --direction negative --concept VERB --top 1
show --method auroc --direction either --top 1
show --method mi --neighbours 3 --top 1
show --method iou --quantiles 0.5,0.75 --top 1

echo 'permutations'
rank -q -o r.tsv --method auroc --permutations 99 --min-stratum 12 --top 2
cut -f 2,6,8,9 r.tsv
rank -q -o one.h5 --table one.tsv --method auroc --permutations 99 --seed 3 -j 1
rank -q -o two.h5 --table two.tsv --method auroc --permutations 99 --seed 3 -j 2 --memory 200K
cmp one.tsv two.tsv && echo 'the same for other threads and memory'
for name in score p q p_fwe test_score sorted/ap layer/mass; do
    "$BRAINALIGN" datasets info one.h5:/$name | grep shape
done
"$BRAINALIGN" datasets info one.h5 | sed -n '/format/p;/inputs/p'
rank -o r.tsv --method auroc --permutations 99 --token-p --progress never
rank --dry-run -o none.tsv --method ap
[ ! -e none.tsv ] && echo 'nothing written'

echo 'refused'
refuse() { bad neurons rank --activations x.csv -o new.tsv -j 1 -q "$@"; }
labelled() { refuse --labels tokens.tsv:tag --forms tokens.tsv:form "$@"; }
labelled --method ap2
labelled --method mi --direction either
labelled --method mean --token-p
labelled --method gaussian --permutations 5
labelled --method iou --quantiles 1
labelled --method iou --quantiles 0.5,x
labelled --method ap --table t.tsv
labelled --method ap --test-fraction 1
labelled --method ap --concept NUON
labelled --method ap --mass 2
labelled --method gaussian --test-fraction 0
labelled --method ap --memory 1K
refuse --labels tokens.tsv:tag --method ap --permutations 5 --sentences tokens.tsv:sentence
awk 'BEGIN { for (i = 0; i < 48; i++) print "NOUN" }' >one.txt
refuse --labels one.txt --sentences tokens.tsv:sentence --method ap
head -n 40 one.txt >short.txt
refuse --labels short.txt --method ap
sed '10s/^[^,]*/nan/' x.csv >nan.csv
bad neurons rank --activations nan.csv --labels tokens.tsv:tag --forms tokens.tsv:form --parts tokens.tsv:part --method ap -o new.tsv -q
bad neurons rank --activations x.csv --labels tokens.tsv:tag --forms tokens.tsv:form --method ap -q -o r.tsv
bad neurons rank --activations x.csv --labels tokens.tsv:tag --forms tokens.tsv:form --method ap -q --force -o x.csv
