# Outputs that exist, that cannot be written, or that would replace something else; too little memory.
. "$SOURCE/tests/cli/bad.inc"
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
awk 'BEGIN { for (i = 0; i < 24; i++) print int(i / 8) }' >runs.csv
with() { bad encode fit --features x.csv --responses y.csv --delays 0 --runs runs.csv -j 1 "$@"; }
mkdir folder

echo 'exists'
echo kept >old.h5
echo kept >old.tsv
with -o old.h5
with -o e.h5 --table old.tsv
with -o old.h5 --dry-run
with -o folder
cat old.h5 old.tsv
"$BRAINALIGN" encode fit --features x.csv --responses y.csv --delays 0 -j 1 -q -o old.h5 --table old.tsv --force
echo "replaced: $?, $(head -n 1 old.tsv | cut -f 1), $("$BRAINALIGN" datasets info old.h5 | grep -c brainalign-encoder)"

echo 'nowhere'
with -o ''
with -o folder --force
with -o folder/
with -o no/e.h5
with -o x.csv/e.h5
with -o /dev/null --force
with -o e.h5 --table no/t.tsv
with -o no/e.h5 --dry-run
with -o "$(printf '%300s' '' | tr ' ' n)" | sed 's/n\{300\}/name/'
bad datasets synth -o x.csv
bad datasets synth -o no/study

echo 'one name twice'
with -o e.h5 --table e.h5
with -o e.h5 --table ./e.h5
with -o x.csv --force
with -o e.h5 --table folder/../y.csv --force
with -o runs.csv --force
ln -s x.csv link
with -o link --force
bad encode predict --encoder old.h5 --features x.csv -o old.h5 --force
bad encode score --encoder old.h5 --features x.csv --responses y.csv -o y.csv --force
numbers 24 2 | cmp - x.csv && numbers 24 3 2 | cmp - y.csv && echo 'inputs are as they were'

echo 'memory'
with -o e.h5 --memory 1K | sed 's/[0-9.]* MiB/N MiB/g'
with -o e.h5 --memory 1K --dry-run | sed 's/[0-9.]* MiB/N MiB/g'
with -o e.h5 --memory 99999999T
