# Progress without a terminal: a line per 10 %, nothing when quiet or never, objects with --log json.
awk 'BEGIN { for (i = 0; i < 40; i++) { line = i; for (j = 1; j < 5000; j++) line = line "," (i * j) % 7; print line } }' >x.csv
show() { "$BRAINALIGN" datasets info x.csv --memory 1M "$@" 2>&1 >/dev/null; }
show --progress always | sed 's/, [0-9.]*\/s.*/, .../'
echo "quiet: $(show --progress always -q)"
echo "never: $(show --progress never)"
show --progress always --log json | sed 's/"rate".*/.../; s/"seconds": [0-9.e-]*/"seconds": .../' | tail -n 1
