# neurons compare, cluster and cosy on small activations with known structure.
. "$SOURCE/tests/cli/bad.inc"
neurons() { "$BRAINALIGN" neurons "$@" --progress never 2>err; echo "status $?"; sed 's/^brainalign neurons [a-z]*: //' err; }
# 80 tokens: u, v, w independent; a: u v w; b: -u, u + v, constant; c: 2 w, v.
awk 'BEGIN {
    for (t = 0; t < 80; t++) {
        u = t % 5 - 2; v = int(t / 5) % 4 - 1.5; w = int(t / 20) % 4 - 1.5
        print u "," v "," w >"a.csv"
        print -u "," u + v ",0.5" >"b.csv"
        print 2 * w "," v >"c.csv"
    }
}'

echo 'compare'
neurons compare --activations a=a.csv --activations b=b.csv --activations c=c.csv --variance 2 -o m.h5 --table m.tsv --pairs p.tsv
awk -F'\t' 'NR > 1 { printf "%s %s %s %.4f %.4f %s %s %.4f\n", $1, $3, $5, $6, $7, $8, $9, $10 }' m.tsv
awk -F'\t' 'NR > 1 { printf "%s %s", $1, $2; for (i = 3; i <= 8; i++) printf " %.4f", $i; print "" }' p.tsv
neurons compare --activations a=a.csv --activations b=b.csv --activations c=c.csv --variance 2 -o m2.h5 --table m2.tsv --pairs p2.tsv -j 1 -q
cmp m.tsv m2.tsv && cmp p.tsv p2.tsv && echo 'same with one thread'
neurons compare --activations a=a.csv --layer-size 1 --by layer --measures corr,cka -o l.h5 --pairs l.tsv
neurons compare --activations a=a.csv --activations b=b.csv --measures corr -o q.h5 --as-ranking q.tsv -q
cut -f1,2,6 q.tsv | head -7
neurons select --ranking q.tsv --concept mincorr --n-neurons 2 -o q.list -q
cut -f1 q.list
neurons compare --activations a=a.csv --activations c=c.csv --dry-run -o no.h5
[ -e no.h5 ] || echo 'a dry run writes nothing'
numbers 4 9 >x.csv
neurons compare --activations x.csv --layer-size 3 --measures linreg -o few.h5

echo 'rankings'
ranking() { { printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n'; r=0; for k in $1; do r=$((r + 1)); printf '%s\t%s\t0\tn\t%s\tA\t%s\tn/a\tn/a\n' $r $k $k $((9 - r)); done; } >"$2"; }
ranking '0 1 2 3 4' one.tsv
ranking '1 0 3 2 4' two.tsv
ranking '4 3 2 1 0' three.tsv
neurons compare --ranking one=one.tsv --ranking two=two.tsv --ranking three.tsv --top 2 --depth 2 -o r.h5 --table r.tsv
cat r.tsv

echo 'cluster'
neurons cluster --activations a=a.csv --activations b=b.csv --activations c=c.csv --bootstrap 5 -o k.h5 --table k.tsv --representatives k.list
cut -f1,3-7 k.tsv
cat k.list
neurons cluster --activations a=a.csv --activations b=b.csv --activations c=c.csv --distance signed --clusters 2 --bootstrap 0 --only 0:4 -o s.h5 --table s.tsv
cut -f1,5-7 s.tsv
neurons cluster --activations a=a.csv --method nmf --factors 2 --starts 2 --rounds 20 -o f.h5 --table f.tsv -q
neurons cluster --activations a=a.csv --method nmf --factors 2 --starts 2 --rounds 20 -o f2.h5 --table f2.tsv -q -j 1
cmp f.tsv f2.tsv && echo 'same with one thread'
wc -l <f.tsv

echo 'cosy'
awk 'BEGIN { print "label"; for (t = 0; t < 80; t++) print t % 5 == 4 ? "high" : t % 5 == 3 ? "n/a" : "control" }' >g.csv
neurons cosy --activations a=a.csv --labels g.csv:label --control-label control -o y.h5 --table y.tsv
cut -f1,5,6,8-13 y.tsv
neurons cosy --control 'a.csv[0:20,]' --explanation late='a.csv[60:66,]' --explanation 'a.csv[20:40,]' -o z.h5 --table z.tsv
cut -f1,5,6,8,11-13 z.tsv
neurons cosy --activations a=a.csv --labels g.csv:label --concept high -o w.h5 --dry-run
