# Activations and labels with something amiss: one clear line each, nothing guessed.
. "$SOURCE/tests/cli/bad.inc"
concepts() { bad neurons concepts "$@"; }
numbers 4 6 >x.csv
numbers 3 6 >short.csv
printf 'A\nB\n\nA\nC\n' >l.txt
printf 'w,t\na,A\nb,B\nc,A\nd,C\n' >t.csv
u() { printf '%s\t%s\t%s\tX\t_\t_\t0\troot\t_\t_\n' "$1" "$2" "$2"; }
{ u 1 a; u 2 b; echo; u 1 c; u 2 d; } >a.conllu
token() { printf '{"token": "%s", "layers": [{"values": [1, 2]}]}' "$1"; }
{
    printf '{"features": [%s, %s]}\n' "$(token a)" "$(token b)"
    printf '{"features": [%s, %s]}\n' "$(token c)" "$(token e)"
} >x.json

echo 'what is missing'
concepts
concepts --activations x.csv
concepts --labels no.txt
concepts --labels l.txt --activations no.h5
concepts --labels t.csv
concepts --labels t.csv:tags
concepts --labels a.conllu:uposs
concepts --labels l.txt:pos
concepts --word-list no.txt --forms t.csv:w
concepts --word-list l.txt
concepts --wordnet t.csv --forms t.csv:w

printf 'zebra\n' >zebra.txt
concepts --word-list zebra.txt --forms t.csv:w

echo 'malformed files'
printf 'A\nB C D E F\n' >bad.txt
concepts --labels bad.txt
{ u 1 a; u 3 b; } >bad.conllu
concepts --labels bad.conllu
{ u 1 a; printf '2\tb\t_\n'; } >bad.conllu
concepts --labels bad.conllu
printf 'He PRP B-NP\nran VBD\n' >bad.txt
concepts --labels bad.txt:chunk
printf '{"features": [{"token": "a"}]}\n' >bad.json
concepts --labels l.txt --activations bad.json
printf 'w,t\na,A\nb\n' >bad.csv
concepts --labels bad.csv:t
: >bad.txt
concepts --labels bad.txt

echo 'other tokens'
concepts --labels l.txt --activations short.csv
concepts --labels a.conllu --activations x.json
concepts --labels a.conllu:upos --forms x.json
printf 'A\n\nB\nA\nC\n' >shifted.txt
concepts --labels shifted.txt --activations x.json
concepts --labels l.txt --labels "t.csv:t[0:3,]"
concepts --labels l.txt --parts t.csv:t
concepts --labels l.txt --activations x.csv --activations short.csv

echo 'concepts'
concepts --labels t.csv:t --concept D
concepts --labels t.csv:t --concept B --min-tokens 2
concepts --labels t.csv:t --min-tokens 3

echo 'neurons'
concepts --labels l.txt --activations x.csv --layer-size 4
concepts --labels l.txt --activations x.csv --layer-size ffn=3
concepts --labels l.txt --activations x.csv --layer-size 3 --layers 0:3
concepts --labels l.txt --activations x.csv --layers x
printf 'layer,unit\n0,0\n' >n.csv
concepts --labels l.txt --activations x.csv --neurons n.csv
concepts --labels l.txt --activations x.csv --neurons n.csv --layer-size 3
concepts --labels l.txt --activations x.csv --subwords t.csv:t
printf 'w\n0\n0\n2\n2\n' >w.csv
concepts --labels l.txt --activations x.csv --subwords w.csv:w

echo 'parts'
concepts --labels l.txt --split parts
concepts --labels l.txt --split types
concepts --labels t.csv:t --split sentences
concepts --labels l.txt --test-fraction 1
printf 'p\n1\n1\n1\n1\n' >p.csv
concepts --labels l.txt --parts p.csv:p

echo 'outputs'
concepts --labels t.csv:t -o t.csv
concepts --labels p=t.csv:t -o ./t.csv --force
concepts --labels t.csv:t --forms t.csv:w --parts a.conllu -o a.conllu --force
concepts --labels t.csv:t -o nowhere/o.tsv
