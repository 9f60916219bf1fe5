# Lists of neurons out of a ranking.
. "$SOURCE/tests/cli/bad.inc"
{
    printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n'
    for concept in NOUN VERB; do
        awk -v concept=$concept -v shift=$([ $concept = NOUN ] && echo 0 || echo 3) 'BEGIN {
            for (i = 0; i < 8; i++) {
                j = (i + shift) % 8
                print i + 1 "\t" j "\t" int(j / 4) "\tffn\t" j % 4 "\t" concept "\t" 8 - i - 2.5 "\tn/a\tn/a"
            }
        }'
    done
} >rank.tsv
choose() { "$BRAINALIGN" neurons select --ranking rank.tsv -q --force -o l.tsv "$@" && cut -f 1 l.tsv | tr '\n' ' ' && echo; }

choose --concept NOUN --n-neurons 2
cat l.tsv
choose --n-neurons 2
choose --concept VERB --pick bottom --n-neurons 2
choose --concept VERB --n-neurons 2 --absolute
choose --concept NOUN --fraction 0.5
choose --concept NOUN --mass 0.5
choose --concept NOUN --n-neurons 3 --layer-quota 2
choose --concept NOUN --n-neurons 3 --pick random --seed 1 >a
choose --concept NOUN --n-neurons 3 --pick random --seed 1 | cmp - a && echo 'the same for the same seed'
# Neuron 1 is neuron 0 upside down.
numbers 50 8 | awk -F, -v OFS=, '{ $2 = 7 - 3 * $1; print }' >x.csv
choose --concept NOUN --n-neurons 2 --max-correlation 0.9 --activations x.csv

echo 'refused'
select_bad() { bad neurons select -o no.tsv --ranking "$@"; }
select_bad rank.tsv
select_bad rank.tsv --n-neurons 2 --fraction 0.5
select_bad rank.tsv --n-neurons 0
select_bad rank.tsv --n-neurons 9
select_bad rank.tsv --n-neurons 5 --layer-quota 2
select_bad rank.tsv --n-neurons 2 --concept NOUNS
select_bad rank.tsv --mass 2
select_bad rank.tsv --mass 0.5 --pick random
select_bad rank.tsv --n-neurons 2 --max-correlation 0.5
numbers 50 4 >narrow.csv
select_bad rank.tsv --n-neurons 2 --max-correlation 0.5 --activations narrow.csv
select_bad nothing.tsv --n-neurons 2
select_bad x.csv --n-neurons 2
sed 's/VERB/NOUN/' rank.tsv >twice.tsv
select_bad twice.tsv --n-neurons 2
bad neurons select --ranking rank.tsv --n-neurons 2 -o rank.tsv
bad neurons select --ranking rank.tsv --n-neurons 2 -o l.tsv
bad neurons select --ranking rank.tsv --n-neurons 2 --activations a=x.csv -o x.csv --force
