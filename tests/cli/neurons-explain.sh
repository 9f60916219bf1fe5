# Formulas, words and contexts of small neurons; the same bytes from any number of threads.
. "$SOURCE/tests/cli/bad.inc"
explain() { "$BRAINALIGN" neurons explain "$@" --progress never 2>err; echo "status $?"; sed 's/^brainalign neurons explain: //' err; }

# 120 tokens of 6 words. Neuron 0: nouns but dogs; 1: constant; 2: cats and cows; 3: noise.
awk 'BEGIN {
    split("cat dog cow runs sees the", word, " ")
    split("N N N V V D", tag, " ")
    print "form,pos,sentence" >"w.csv"
    seed = 1
    for (t = 0; t < 120; t++) {
        seed = (seed * 16807 + 11) % 2147483647
        k = seed % 6 + 1
        print word[k] "," tag[k] "," int(t / 6) >"w.csv"
        a = (k == 1 || k == 3) ? 2 : 0
        print a + seed % 7 / 10 ",0.5," (k == 1 ? 3 : k == 3 ? 2.5 : 0) + seed % 5 / 10 "," seed % 1000 / 1000 >"x.csv"
    }
}'
printf 'the,1,0\ncow,0,1\ncat,0.1,1\nunseen,0,1\nCows,0,1\nruns,1,0.2\nDOG,-1,-0.1\n' | cut -d, -f1 >v.txt
printf '1,0\n0,1\n0.1,1\n0,1\n0,1\n1,0.2\n-1,-0.1\n' >v.csv

echo 'formulas'
set -- --activations x.csv --labels w.csv:pos --forms w.csv:form --word-list dog=dog.txt --sentences w.csv:sentence --threshold 1.5
echo dog >dog.txt
explain "$@" --test-fraction 0 --length 2 --permutations 0 -o e.h5 --table e.tsv
cut -f1-10,14-20 e.tsv

echo 'proof, held-out tokens, permutations'
explain "$@" --split sentences --test-fraction 0.3 --length 3 --exact --permutations 19 --null circular -o f.h5 --table f.tsv -j 1
grep -c yes f.tsv
explain "$@" --split sentences --test-fraction 0.3 --length 3 --exact --permutations 19 --null circular -o g.h5 --table g.tsv -j 2 -q
cmp f.tsv g.tsv && echo 'same with two threads'
explain "$@" --test-fraction 0 --length 2 --permutations 9 --only 2,0 -o h.h5 --table h.tsv -q
cut -f1,5,6,13 h.tsv

echo 'neighbours, words, contexts'
explain "$@" --test-fraction 0 --length 1 --permutations 0 --word-vectors v.csv --vocabulary v.txt --neighbours 1 --neighbour-tokens 5 -o n.h5 --table n.tsv \
    --words words.tsv --top-words 2 --contexts contexts.tsv --top-contexts 1 --window 2 --only 0,2
cut -f1,6,8 n.tsv
cat words.tsv contexts.tsv

echo 'compexp, penalty, precision, quantile'
explain "$@" --test-fraction 0 --length 2 --permutations 0 --leaf-filter overlap --score precision --length-penalty 0.5 --only 0 -o c.h5 --table c.tsv -q
cut -f5,6,7 c.tsv
explain --activations x.csv --labels w.csv:pos --test-fraction 0 --permutations 0 --only 2 --length 1 -o q.h5 --table q.tsv -q --min-on 2
cut -f15-19 q.tsv

echo 'dry run'
explain "$@" --dry-run -o no.h5 --test-fraction 0
[ -e no.h5 ] || echo 'writes nothing'
"$BRAINALIGN" datasets info e.h5 | grep -c brainalign-explain
