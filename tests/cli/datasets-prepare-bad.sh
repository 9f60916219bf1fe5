# datasets prepare: words, activations and scans that do not fit, one line each.
. "$SOURCE/tests/cli/bad.inc"
prepare() { bad datasets prepare -j 1 -o p.h5 "$@"; }
table() { printf 'word,onset,offset\n'"$1" >w.csv; }
with() { prepare --words w.csv --tr 2 --volumes 5 "$@"; }

echo 'times of words'
table 'a,0,1\nb,3,4\nc,2,3\n'
with
table 'a,0,1\nb,1,3\nc,2.5,4\n'
with
table 'a,0,1\nb,2,1.5\n'
with
table 'a,0,1\nb,10,11\n'
with
table 'a,-1,1\n'
with
table 'a,0,1\nb,1,2\n'
with --stimulus-start 9.5
table 'a,1000,2000\nb,2000,3000\n'
with
table 'a,x,2\n'
with
table 'a,n/a,n/a\n'
with

echo 'columns'
table 'a,0,1\nb,1,2\n'
with --onset-column onst
with --surprisal-column surprise
with --word-column 7
sed 's/onset/start_time/' w.csv >other.csv
prepare --words other.csv --tr 2 --volumes 5
sed 1d w.csv >bare.csv
prepare --words bare.csv --tr 2 --volumes 5
printf 'run,word,onset,offset\n1,a,0,1\n2,b,0,1\n1,c,2,3\n' >runs.csv
prepare --words runs.csv --tr 2 --volumes 5
with --words w.csv --run-column run
printf '"ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n1\n"IntervalTier"\n"w' >t.TextGrid
prepare --words t.TextGrid --tr 2 --volumes 5

echo 'activations'
numbers 3 2 >x3.csv
numbers 2 2 >x2.csv
with --activations x3.csv
with --activations lm=x2.csv --activations lm=x3.csv
printf '1\nnan\n' >nan.csv
with --activations nan.csv
with --activations none.csv
printf '0\n0\n2\n' >tokens.csv
with --activations x3.csv --token-words tokens.csv
printf '0\n0\n1\n1\n' >tokens.csv
with --activations x3.csv --token-words tokens.csv
printf 't,word\na,0\nb,1\n' >tokens.csv
with --activations x2.csv --token-words tokens.csv:wort

echo 'scans'
prepare --words w.csv --tr 0 --volumes 5
prepare --words w.csv --tr -2 --volumes 5
prepare --words w.csv --volumes 5
prepare --words w.csv --tr 2
prepare --words w.csv --tr 2 --volumes 5,x
prepare --words w.csv --tr 2 --volumes 0
prepare --words w.csv --tr 2 --volumes 5,5
prepare --words w.csv --tr 2 --volumes 1
with --responses x3.csv
with --stimulus-start 1,
with --stimulus-start 1,2
printf '0\n2\n1\n' >times.csv
prepare --words w.csv --times times.csv

echo 'options'
with --resample events
with --event boxcar
with --controls oasm,none
with --controls rate
with --oasm-sigma 0
with --window -1
with --controls none
with --controls surprisal
bad datasets prepare --tr 2 -o p.h5
bad datasets prepare --words w.csv --tr 2 --volumes 5 -o w.csv --force
