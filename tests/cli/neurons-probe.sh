# neurons probe and neurons ablate on a small study: 240 tokens of 48 words, 12 neurons of which the first 3 carry a class each.
awk 'BEGIN {
    seed = 7
    print "form\ttag\tsentence" >"tokens.tsv"
    for (i = 0; i < 240; i++) {
        word = int(i * 7 % 48)
        class = word % 3
        print "w" word "\t" substr("ABC", class + 1, 1) "\t" int(i / 8) >"tokens.tsv"
        line = ""
        for (j = 0; j < 12; j++) {
            sum = 0
            for (k = 0; k < 4; k++) {
                seed = (seed * 16807 + 11) % 2147483647
                sum += seed % 1000 / 1000 - 0.5
            }
            line = line (j ? "," : "") sum + (j == class ? 1.2 : 0)
        }
        print line >"x.csv"
    }
}'
data="--activations x.csv --layer-size 6 --labels tokens.tsv:tag --forms tokens.tsv:form"
printf '0\n1\n2\n' >good.txt
printf '5\n6\n7\n' >poor.txt

echo 'probe'
"$BRAINALIGN" neurons probe $data --l1 0.1,0.01 --l2 0.01 --keep good.txt --zero good.txt --mean poor.txt --retrain good.txt \
    --by-layer --control same,uniform --control-draws 2 --code-length --stability 5 --minimal 0.05 --minimal-list fewest.tsv -q -j 1 -o p.h5 --table p.tsv
echo "status $?"
cat fewest.tsv
"$BRAINALIGN" neurons probe $data --l1 0.01 --keep fewest.tsv -q -j 1 -o kept.h5 --table kept.tsv
cut -f 1,2 kept.tsv
awk -F '\t' 'NR == 1 { print } NR > 1 { printf "%s\t%s\t%.2f\n", $1, $2, $3 }' p.tsv

echo 'the same for any threads, not over another'
"$BRAINALIGN" neurons probe $data --l1 0.01 -q -j 1 -o a.h5 --table a.tsv
"$BRAINALIGN" neurons probe $data --l1 0.01 -q -j 3 -o b.h5 --table b.tsv
cmp a.tsv b.tsv && echo same
"$BRAINALIGN" neurons probe $data -q -o a.h5 2>&1
echo "status $?"

echo 'one concept, tokens with two, training as NeuroX'
"$BRAINALIGN" neurons probe $data --concept A --l1 0.01 -q -o one.h5 --table one.tsv
cut -f 1,2 one.tsv | tail -1
printf 'w0\nw1\n' >words.txt
"$BRAINALIGN" neurons probe $data --word-list good=words.txt --kind softmax -q -o two.h5 2>&1
echo "status $?"
"$BRAINALIGN" neurons probe $data --neurox --epochs 2 -q -o neurox.h5 --table neurox.tsv
cut -f 10 neurox.tsv

echo 'ablate'
printf 'rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n' >rank.tsv
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    printf '%d\t%d\t%d\tneurons\t%d\t*\t%d\tn/a\tn/a\n' $((i + 1)) $i $((i / 6)) $((i % 6)) $((20 - i)) >>rank.tsv
done
"$BRAINALIGN" neurons ablate $data --l1 0.01 --ranking rank.tsv --sizes 1,3,6 --random 4 -q -j 1 -o abl.h5 --table abl.tsv
echo "status $?"
awk -F '\t' 'NR == 1 { print } NR > 1 && $3 == 3 && $1 != "random" { printf "%s\t%s\t%s\t%.2f\n", $1, $2, $3, $5 }' abl.tsv
"$BRAINALIGN" neurons ablate $data --l1 0.01 --ranking rank.tsv --sizes 1,3,6 --random 4 -q -j 3 -o abl2.h5 --table abl2.tsv
cmp abl.tsv abl2.tsv && echo same
"$BRAINALIGN" neurons ablate $data --l1 0.01 --ranking rank.tsv --dry-run -o dry.h5 2>&1
[ -e dry.h5 ] || echo 'no file'

echo 'the result file'
"$BRAINALIGN" datasets info p.h5:/order/need | head -3
