# Pictures of neurons rank, ablate and explain: written when complete, the same bytes twice, refused where they exist.
. "$SOURCE/tests/cli/bad.inc"
awk 'BEGIN {
    seed = 7
    print "form\ttag\tsentence" >"tokens.tsv"
    for (i = 0; i < 240; i++) {
        word = int(i * 7 % 48)
        class = word % 3
        form = word == 5 ? "<&>" : "w" word
        print form "\t" (class == 0 ? "NOUN" : class == 1 ? "DET" : "X") "\t" int(i / 8) >"tokens.tsv"
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
set -- --activations ffn=x.csv --layer-size ffn=6 --labels tokens.tsv:tag --forms tokens.tsv:form -q
count() { grep -o "$2" "$1" | wc -l; }
whole() {
    head -c 38 "$1" && echo && tail -n 1 "$1"
    ! command -v xmllint >/dev/null || xmllint --noout "$1"
}

echo 'ranking'
"$BRAINALIGN" neurons rank "$@" --method ap -o r.tsv --figure r.svg -j 1
whole r.svg
echo "$(count r.svg '<polyline') curves, $(count r.svg '</title></rect>') shares, $(count r.svg 'share of layer') concepts"
"$BRAINALIGN" neurons rank "$@" --method ap -o r.tsv --figure r2.svg --force -j 2
cmp r.svg r2.svg && echo 'same bytes'

echo 'ablation'
"$BRAINALIGN" neurons ablate "$@" --ranking r.tsv --ranking-concept NOUN --sizes 2,4,8 --random 3 -o a.h5 --figure a.svg
whole a.svg
echo "$(count a.svg '<polyline') curves, $(count a.svg '<polygon') bands"

echo 'words'
"$BRAINALIGN" neurons explain "$@" --min-on 2 --permutations 0 --length 2 -o e.h5 --words w.tsv --figure e.svg --cards 5
whole e.svg
echo "$(count e.svg 'ffn, layer') cards, $(count e.svg '&lt;&amp;&gt;</text>' | sed 's/^0$/no/;s/^[1-9].*/some/') escaped words"

echo 'refused'
bad neurons rank "$@" --method ap -o new.tsv --figure r.svg
bad neurons rank "$@" --method ap -o new.tsv --figure r.svg --dry-run
bad neurons rank "$@" --method ap -o new.svg --figure new.svg
bad neurons rank "$@" --method ap -o new.tsv --figure x.csv --force
bad neurons rank "$@" --method ap -o new.tsv --figure no/r.svg
bad neurons ablate "$@" --ranking r.tsv --ranking-concept NOUN --sizes 2 --random 0 -o new.h5 --figure a.svg
bad neurons ablate "$@" --ranking r.tsv --ranking-concept NOUN --sizes 2 --random 0 -o new.h5 --figure r.tsv --force
bad neurons explain "$@" -o new.h5 --words new.tsv --figure e.svg
bad neurons explain "$@" -o new.h5 --figure new.svg
bad neurons explain "$@" -o new.h5 --words new.tsv --figure new.svg --cards 0

echo 'dry runs write nothing'
"$BRAINALIGN" neurons rank "$@" --method ap -o new.tsv --figure new.svg --dry-run
"$BRAINALIGN" neurons ablate "$@" --ranking r.tsv --ranking-concept NOUN --sizes 2 --random 0 -o new.h5 --figure new.svg --dry-run
"$BRAINALIGN" neurons explain "$@" --min-on 2 -o new.h5 --words neww.tsv --figure new.svg --dry-run
ls -A | grep -E 'new|tmp'
echo "$?"
