# decode lm: a model from text, read back by itself, what it says of another text, and what it refuses.
. "$SOURCE/tests/cli/bad.inc"
printf 'The cat sat.\nThe cat ran.\n\nA dog sat on the cat.\n' >text.txt
printf 'the dog ran\nthe zebra sat\n' >other.txt

echo 'train'
"$BRAINALIGN" decode lm --text text.txt --lowercase --strip-punctuation --order 2 -o lm.arpa
echo "exit $?"
head -9 lm.arpa

echo 'score'
"$BRAINALIGN" decode lm --arpa lm.arpa --score other.txt --table scores.tsv
cat scores.tsv
"$BRAINALIGN" decode lm --arpa lm.arpa -o copy.arpa -q
cmp lm.arpa copy.arpa && echo 'the same file again'

echo 'choices'
printf 'the\ncat\n' >words.txt
"$BRAINALIGN" decode lm --text text.txt --lowercase --strip-punctuation --vocabulary words.txt -o small.arpa 2>&1 | head -2
"$BRAINALIGN" decode lm --text text.txt --text other.txt --lowercase --prune 0,0,1 --order 4 --score text.txt 2>&1 | grep order
printf 'onset\toffset\tword\tsentence\n0\t1\tthe\t1\n1\t2\tcat\t1\n2\t3\tsat\t2\n' >table.tsv
"$BRAINALIGN" decode lm --words table.tsv -o table.arpa 2>&1 | head -1
"$BRAINALIGN" decode lm --words table.tsv --dry-run -o no.arpa 2>&1 | tail -1

echo 'bad input'
bad decode lm --text text.txt -o lm.arpa
bad decode lm --text text.txt --order 0 -o o.arpa
bad decode lm --text text.txt --min-count 0 -o o.arpa
bad decode lm --text text.txt --prune 0,2,1 -o o.arpa
bad decode lm --text text.txt --prune 0,x -o o.arpa
bad decode lm --text text.txt --arpa lm.arpa -o o.arpa
bad decode lm --arpa lm.arpa --order 2 -o o.arpa
bad decode lm --arpa lm.arpa --lowercase -o o.arpa
bad decode lm --text text.txt --vocabulary text.txt --min-count 2 -o o.arpa
bad decode lm --text text.txt --word-column word -o o.arpa
bad decode lm --text text.txt
bad decode lm -o o.arpa
bad decode lm --text text.txt --table t.tsv -o o.arpa
bad decode lm --text text.txt --force -o text.txt
: >empty.txt
bad decode lm --text empty.txt -o o.arpa
bad decode lm --arpa lm.arpa --score empty.txt
printf 'a\n<s> b\n' >marker.txt
bad decode lm --text marker.txt -o o.arpa
bad decode lm --text none.txt -o o.arpa
sed 's/ngram 2=12/ngram 2=13/' lm.arpa >broken.arpa
bad decode lm --arpa broken.arpa --score other.txt
sed 's/^-[0-9.]*.the/x	the/' lm.arpa >broken.arpa
bad decode lm --arpa broken.arpa --score other.txt
bad decode lm --arpa text.txt --score other.txt
