# What neurons explain, cosy, compare and cluster refuse: one clear line each.
. "$SOURCE/tests/cli/bad.inc"
numbers 60 4 >x.csv
numbers 50 4 2 >y.csv
numbers 60 3 3 >z.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print i % 3 ? "A" : "B" }' >l.txt
awk 'BEGIN { for (i = 0; i < 60; i++) print "0.5,2" }' >flat.csv
awk 'NR == 7 { print "1,2,nan,3"; next } { print }' x.csv >nan.csv
{ echo form; awk 'BEGIN { for (i = 0; i < 60; i++) print "w" i % 9 }'; } >w.csv
explain() { bad neurons explain --labels l.txt --test-fraction 0 --progress never -j 1 -o o.h5 "$@"; }

echo 'explain'
explain --activations flat.csv
explain --activations nan.csv
explain --activations y.csv
explain --activations x.csv --concept C
explain --activations x.csv --length 6
explain --activations x.csv --length 0
explain --activations x.csv --beam 0
explain --activations x.csv --quantile 1
explain --activations x.csv --min-on 0
explain --activations x.csv --length-penalty 0
explain --activations x.csv --exact --score recall
explain --activations x.csv --only 3,9
explain --activations x.csv --layer-size 2 --layers 1 --only 0
explain --activations x.csv --only no.tsv
explain --activations x.csv --words w.tsv
explain --activations x.csv --contexts c.tsv
explain --activations x.csv --null types
explain --activations x.csv --word-vectors x.csv
explain --activations x.csv --forms w.csv:form --word-vectors x.csv --vocabulary w.csv:form --vocabulary y.csv
explain --activations x.csv --forms w.csv:form --word-vectors y.csv --vocabulary w.csv:form
explain --activations x.csv --forms w.csv:form --word-vectors x.csv --vocabulary l.txt
explain --activations x.csv --memory 100
explain --activations x.csv --table o.h5
explain --activations x.csv --table x.csv
explain --activations x.csv --table no/o.tsv
bad neurons explain --activations x.csv -o o.h5

echo 'cosy'
cosy() { bad neurons cosy --progress never -j 1 -o o.h5 "$@"; }
cosy
cosy --control x.csv
cosy --explanation x.csv
cosy --control x.csv --explanation x.csv --activations x.csv
cosy --control x.csv --explanation food=z.csv
cosy --control 'x.csv[0:1,]' --explanation x.csv
cosy --control nan.csv --explanation x.csv
cosy --activations x.csv --labels l.txt
cosy --activations x.csv --labels l.txt --control-label C
cosy --activations x.csv --labels l.txt --concept A --control-label A
cosy --control x.csv --explanation x.csv --control-label A

echo 'compare'
compare() { bad neurons compare --progress never -j 1 -o o.h5 "$@"; }
compare
compare --activations x.csv
compare --activations a=x.csv --activations b=y.csv
compare --activations a=x.csv --activations b=nan.csv
compare --activations a=x.csv --activations b=z.csv --measures corr,cca
compare --activations a=x.csv --ranking r.tsv
compare --activations a=x.csv --activations b=z.csv --memory 1K
printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n1\t1\t0\tn\t1\tA\t3\tn/a\tn/a\n2\t0\t0\tn\t0\tA\t2\tn/a\tn/a\n' >r.tsv
sed 's/A/B/' r.tsv >s.tsv
compare --ranking r.tsv
compare --ranking r.tsv --ranking s.tsv --top 1
compare --ranking r.tsv --ranking r.tsv --top 1 --concept B
compare --ranking r.tsv --ranking r.tsv --top 3
compare --ranking r.tsv --ranking no.tsv
compare --ranking r.tsv --ranking r.tsv --pairs p.tsv
compare --activations a=x.csv --activations b=z.csv --measures cka --as-ranking q.tsv
compare --activations a=x.csv --activations b=z.csv --as-ranking r.tsv

echo 'cluster'
cluster() { bad neurons cluster --progress never -j 1 -o o.h5 "$@"; }
cluster --activations flat.csv
cluster --activations nan.csv
cluster --activations x.csv --clusters 5
cluster --activations x.csv --clusters 0
cluster --activations x.csv --cut -1
cluster --activations x.csv --method nmf --factors 0
cluster --activations x.csv --method nmf --representatives r2.tsv
cluster --activations x.csv --memory 1K
cluster --activations x.csv --only 7:9
cluster --activations x.csv --table x.csv
