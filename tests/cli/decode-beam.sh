# decode beam: words of a made-up language from made-up responses, known and predicted times, scores and nulls, and what it refuses.
. "$SOURCE/tests/cli/bad.inc"

# 160 volumes of 2 s with 1 to 3 words each; vectors of 4 numbers; 40 voxels follow the mean vector of 1 and 2 volumes ago, and a
# little the number of words, with noise. Each word of the 8 is followed by one of 4.
awk 'function uniform() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 }
    function normal(   i, sum) { sum = -6; for (i = 0; i < 12; i++) sum += uniform(); return sum }
    BEGIN {
        seed = 12345
        split("one two three four five six seven eight", word, " ")
        for (w = 1; w <= 8; w++) {
            line = word[w]
            for (f = 1; f <= 4; f++) { x[w, f] = normal(); line = line " " x[w, f] }
            print line >"vectors.txt"
        }
        for (v = 1; v <= 40; v++) rate[v] = 0.5 * normal()
        for (v = 1; v <= 40; v++) for (d = 1; d <= 2; d++) for (f = 1; f <= 4; f++) weight[v, d, f] = normal()
        w = 1
        for (s = 1; s <= 300; s++) {
            line = ""
            for (i = 0; i < 8; i++) { w = (w + int(4 * uniform())) % 8 + 1; line = line (i ? " " : "") word[w] }
            print line >"text.txt"
        }
        print "onset\toffset\tword" >"words.tsv"
        n = 160
        for (t = 0; t < n; t++) count[t] = 1 + int(3 * uniform())
        for (t = 0; t < n; t++) for (k = 0; k < count[t]; k++) {
            w = (w + int(4 * uniform())) % 8 + 1
            print 2 * t + 0.6 * k "\t" 2 * t + 0.6 * k + 0.6 "\t" word[w] >"words.tsv"
            line = ""
            for (f = 1; f <= 4; f++) { mean[t, f] += x[w, f] / count[t]; line = line (f > 1 ? "," : "") x[w, f] }
            print line >"activations.csv"
        }
        for (t = 0; t < n; t++) {
            line = ""
            for (v = 1; v <= 40; v++) {
                y = 1.5 * normal() + (t > 1) * count[t - 1] * rate[v]
                for (d = 1; d <= 2; d++) for (f = 1; f <= 4; f++) if (t >= d) y += weight[v, d, f] * mean[t - d, f]
                line = line (v > 1 ? "," : "") y
            }
            print line >"responses.csv"
        }
    }'
"$BRAINALIGN" datasets prepare --words words.tsv --activations vec=activations.csv --tr 2 --volumes 160 --resample mean \
    --controls none -q -o prepared.h5 || exit 1
"$BRAINALIGN" encode fit --features prepared.h5:/features/vec --responses responses.csv --delays 1,2 --outer-cv kfold:4 \
    --cv none --alphas 1 --save weights,fold-weights -j 1 -q -o enc.h5 || exit 1
"$BRAINALIGN" decode lm --text text.txt --order 2 -q -o lm.arpa || exit 1
beam="decode beam --encoder enc.h5 --vectors vectors.txt --lm lm.arpa --words words.tsv --tr 2 --resample mean"

echo 'given times'
"$BRAINALIGN" $beam --share 0.5 --nulls 19 --progress never -j 1 -o a.h5 --table a.tsv 2>&1 |
    sed 's/[01]\.[0-9]*, by chance [01]\.[0-9]*/A, by chance B/; s/evidence .*/evidence and language/'
head -1 a.tsv
wc -l <a.tsv
for path in /best/word /search/lm_weight /windows/wer /null/similarity; do
    "$BRAINALIGN" datasets info a.h5:$path | grep shape
done
"$BRAINALIGN" $beam --share 0.5 --nulls 19 -j 2 -q -o b.h5 --table b.tsv
cmp a.tsv b.tsv && echo 'the same words on two threads'

echo 'choices'
"$BRAINALIGN" $beam --lm-weight 1 --null model --nulls 9 --noise diagonal --width 20 -j 1 -o c.h5 2>&1 | grep 'error' | grep -c 'p 0.1$'
"$BRAINALIGN" $beam --share 0.5 --rate predicted --lm-weight 1 -j 1 -o d.h5 2>&1 | grep 'words a volume' | sed 's/r -*[0-9.]*/r R/'
"$BRAINALIGN" $beam --share 0.5 --in-sample --lm-weight 0.5 -j 1 -o e.h5 2>&1 | grep -c 'in sample'
"$BRAINALIGN" $beam --share 0.5 --prewhiten --width 5 --lm-weight 1 -j 1 -q -o f.h5
echo "exit $?"
awk 'BEGIN { for (t = 0; t < 160; t++) print 2 * t + 1 }' >moments.csv
"$BRAINALIGN" $beam --times moments.csv --share 0.5 --lm-weight 1 --width 5 -j 1 -q -o t.h5
"$BRAINALIGN" datasets info t.h5 | awk '/\.(csv|tsv|txt|arpa|h5) \(/ { print $1 }'
grep -v seven vectors.txt >fewer.txt
"$BRAINALIGN" decode beam --encoder enc.h5 --vectors fewer.txt --lm lm.arpa --words words.tsv --tr 2 --resample mean --dry-run \
    -j 1 -o g.h5 2>&1 | grep -c 'no vector for 1 of 8 words of lm.arpa, which are never said: seven'

echo 'bad input'
bad $beam -j 1 -q -o a.h5
bad $beam -j 1 -q --width 0 -o o.h5
bad $beam -j 1 -q --extensions 0 -o o.h5
bad $beam -j 1 -q --nucleus 0 -o o.h5
bad $beam -j 1 -q --lm-weight -1 -o o.h5
bad $beam -j 1 -q --window 0 -o o.h5
bad $beam -j 1 -q --rate-delays 2 -o o.h5
bad $beam -j 1 -q --null model -o o.h5
bad $beam -j 1 -q --lanczos-cutoff 2 -o o.h5
bad $beam -j 1 -q --noise white --share 0.5 -o o.h5
bad $beam -j 1 -q --in-sample --share 0.5 -o o.h5
bad $beam -j 1 -q --share 0.5 --lm-weight 1 --width 100000 --memory 16M -o o.h5
bad $beam -j 1 -q --share 0.5 --lm-weight 1 --memory 590K --dry-run -o o.h5
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm lm.arpa --words words.tsv -j 1 -q -o o.h5
bad decode beam --encoder enc.h5 --vectors vectors.txt --words words.tsv --tr 2 -j 1 -q -o o.h5
"$BRAINALIGN" encode fit --features prepared.h5:/features/vec --responses responses.csv --delays 1,2 --outer-cv kfold:10 --cv none \
    --alphas 1 --save weights,fold-weights -j 1 -q -o ten.h5 || exit 1
bad decode beam --encoder ten.h5 --vectors vectors.txt --lm lm.arpa --words words.tsv --tr 2 --resample mean --share 0.5 \
    --lm-weight 1 --nulls 1 --width 5 -j 1 -q -o o.h5
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm none.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm lm.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
cut -d' ' -f1-4 vectors.txt >short.txt
bad decode beam --encoder enc.h5 --vectors short.txt --lm lm.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
sed 's/^\(.\)/x\1/' vectors.txt >others.txt
bad decode beam --encoder enc.h5 --vectors others.txt --lm lm.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
printf 'one 1 2 3 4\ntwo 1 2 x 4\n' >broken.txt
bad decode beam --encoder enc.h5 --vectors broken.txt --lm lm.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
sed 's/ngram 2=/ngram 2=9/' lm.arpa >broken.arpa
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm broken.arpa --words words.tsv --tr 2 -j 1 -q -o o.h5
cut -f1,2 words.tsv >times.tsv
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm lm.arpa --words times.tsv --tr 2 --resample mean -j 1 -q -o o.h5
bad decode beam --encoder enc.h5 --vectors vectors.txt --lm lm.arpa --words times.tsv --tr 2 --resample mean --lm-weight 1 --nulls 5 -j 1 -q -o o.h5
