# Concept tables from every kind of labels, on stdout and as a file.
. "$SOURCE/tests/cli/bad.inc"
concepts() { "$BRAINALIGN" neurons concepts "$@" 2>err; echo "status $?"; sed 's/^brainalign neurons concepts: //' err; }
{
    printf '# sent_id = 1\n'
    printf '1-2\tdon'"'"'t\t_\t_\t_\t_\t_\t_\t_\t_\n'
    printf '1\tDo\tdo\tAUX\tVBP\tMood=Ind|Tense=Pres\t0\troot\t_\t_\n'
    printf '2\tn'"'"'t\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_\n\n'
    printf '1\tdogs\tdog\tNOUN\tNNS\tNumber=Plur\t2\tnsubj\t_\t_\n'
    printf '2\tdo\tdo\tVERB\tVBP\tMood=Ind|Tense=Pres\t0\troot\t_\t_\n'
    printf '3\t.\t.\tPUNCT\t.\t_\t2\tpunct\t_\t_\n'
} >a.conllu

echo 'CoNLL-U'
concepts --labels a.conllu --test-fraction 0
concepts --labels a.conllu:feats --labels d=a.conllu:deprel --concept Mood=Ind --concept d:root --test-fraction 0
concepts --labels a.conllu:5 --min-tokens 2 --test-fraction 0

echo 'CoNLL-2000, lines, tables'
printf 'He PRP B-NP\nran VBD B-VP\n\n. . O\n' >c.txt
concepts --labels c.txt:chunk --test-fraction 0
printf 'A\nA\nB\n_\n' >l.txt
concepts --labels l.txt
printf 'w,t,p\nx,A,train\nX,A,train\ny,n/a,test\nx,B,test\n' >t.csv
concepts --labels t.csv:t --forms t.csv:w --parts t.csv:p -o out.tsv
cat out.tsv
concepts --labels t.csv:t --forms t.csv:w --parts t.csv:p --case --dry-run -o no.tsv
[ -e no.tsv ] || echo 'a dry run writes nothing'

echo 'word lists'
mkdir lists
printf 'dog\t67\ncat\t3\n' >lists/animal.txt
printf 'do\nbe\n' >lists/aux.txt
printf 'lemma\tpos\tsupersense\ndog\tn\tnoun.animal\ndo\tv\tverb.social\n' >wn.tsv
printf 'upos\tform\nAUX\tDo\n' >closed.tsv
concepts --word-list lists --wordnet wn.tsv --lemmas a.conllu:lemma --forms a.conllu:form --closed-words closed.tsv --test-fraction 0
concepts --word-list act=lists/aux.txt --labels a.conllu --concept act --test-fraction 0

echo 'with activations'
numbers 5 6 >x.csv
concepts --labels a.conllu --activations x.csv --layer-size 2 --layers 1:3 --concept NOUN --test-fraction 0
printf '{"features": [{"token": "dogs", "layers": [{"values": [1, 2]}]}]}\n' >x.json
concepts --word-list lists/animal.txt --activations x.json
printf 'dogs\n' >lists/animal.txt
concepts --word-list lists/animal.txt --activations x.json --test-fraction 0
