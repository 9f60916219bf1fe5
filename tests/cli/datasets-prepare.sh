# datasets prepare: from a word table to a fit, with every kind of word file and of resampling.
set -u
prepare() { "$BRAINALIGN" datasets prepare -j 1 "$@"; }
arrays() { "$BRAINALIGN" datasets info -q "$1" | sed -n 's/^ *\(\/[^ ]*\)  *\([0-9].*\)/\1 \2/p' | grep -v XXH3; }

# Two stories of 40 words each: one every 0.5 s, the ninth of each without a time.
awk 'BEGIN {
    print "story\tsentence\tword\tonset\tduration\tsurprisal"
    for (i = 0; i < 80; i++) {
        if (i % 40 == 8)
            print (i < 40 ? "one" : "two") "\t" int(i / 10) "\tword\tn/a\tn/a\t" i % 7
        else
            print (i < 40 ? "one" : "two") "\t" int(i / 10) "\tword\t" 0.5 * (i % 40) "\t0.4\t" i % 7
    }
}' >words.tsv
awk 'BEGIN { print "a,b"; for (i = 0; i < 80; i++) print sin(i) "," cos(i * i) }' >x.csv
awk 'BEGIN { for (i = 0; i < 20; i++) print sin(i / 3) "," cos(i / 2) "," sin(i) }' >y.csv

echo 'a plan'
prepare --words words.tsv --activations lm=x.csv --tr 2 --volumes 10 -o p.h5 --dry-run
echo "exit $?"
ls p.h5 2>/dev/null
echo 'Lanczos, all controls'
prepare --words words.tsv --activations lm=x.csv --tr 2 --volumes 10,10 --responses y.csv \
    --controls word-rate,word-length,surprisal,position,oasm -o p.h5
echo "exit $?"
arrays p.h5
echo 'a fit of it'
"$BRAINALIGN" encode fit -q -j 1 --features lm=p.h5:/features/lm --features rate=p.h5:/control/word_rate \
    --responses y.csv --runs p.h5:/run --delays 1,2 --cv kfold:2 --outer-cv runs --cv-gap 0 -o e.h5 --table e.tsv 2>/dev/null
echo "exit $?, $(wc -l <e.tsv) lines"

echo 'responses, blocks of bases'
prepare -q --words words.tsv --activations lm=x.csv --tr 2 --volumes 10 --hrf glover --hrf-basis dispersion \
    --event boxcar -o h.h5
echo "exit $?"
"$BRAINALIGN" datasets info -q h.h5:/features/lm | grep -i -E 'rows|columns|shape' | sed 's/  */ /g'

echo 'a TextGrid, times of volumes'
printf '"ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n1\n"IntervalTier"\n"words"\n0\n9\n4\n0\n1\n"sp"\n1\n2\n"one"\n2\n3\n""\n3\n4\n"two"\n' >t.TextGrid
printf '1\n3\n5\n' >times.csv
printf '1\n2\n' >z.csv
prepare --words t.TextGrid --activations z.csv --times times.csv --resample sum -o t.h5
echo "exit $?"
arrays t.h5

echo 'milliseconds, tokens, two files'
printf 'onset,offset\n0,900\n1000,1500\n' >ms.csv
printf 'token,word\na,0\nb,0\nc,1\nd,2\ne,3\n' >tokens.csv
printf '1\n2\n3\n4\n5\n' >tokens-x.csv
cp ms.csv ms2.csv
prepare --words ms.csv --words ms2.csv --time-unit ms --activations t=tokens-x.csv --token-words tokens.csv:word \
    --pool mean --resample mean --tr 1 --volumes 3,2 --stimulus-start 0,0.25 -o m.h5
echo "exit $?"
echo 'the output stays'
prepare -q --words ms.csv --time-unit ms --tr 1 --volumes 3 -o m.h5
echo "exit $?"
prepare -q --words ms.csv --time-unit ms --tr 1 --volumes 3 -o m.h5 --force
echo "exit $?"
