# Progress on a terminal: one line, rewritten, at most about ten times a second, gone at the end.
script -qec true /dev/null >/dev/null 2>&1 || { echo 'no script(1) that can make a terminal'; exit 77; }
awk 'BEGIN { for (i = 0; i < 40; i++) { line = i; for (j = 1; j < 5000; j++) line = line "," (i * j) % 7; print line } }' >x.csv
TERM=xterm script -qec "$BRAINALIGN datasets info x.csv --memory 1M --progress always >report" typed >/dev/null
tr '\r' '\n' <typed | grep -c 'datasets info: reading: [0-9]* %' >drawn
[ "$(cat drawn)" -ge 1 ] && [ "$(cat drawn)" -le 8 ] || { echo "drawn $(cat drawn) times"; exit 1; }
grep -q 'script\|reading' report && { echo 'progress on stdout'; exit 1; }
# Nothing but the erased line is left.
[ "$(tr '\r' '\n' <typed | grep -v '^Script' | sed 's/\x1b\[K//g' | tail -n 1 | tr -d ' ')" = '' ]
