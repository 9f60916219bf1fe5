# A folder that must not be written to, and a file that must not be read. The superuser may do both, and steps down.
. "$SOURCE/tests/cli/bad.inc"
if [ "$(id -u)" -eq 0 ]; then
    as='setpriv --reuid=65534 --regid=65534 --clear-groups'
    # Not quietly where gcov cannot write its counts.
    if ! $as "$BRAINALIGN" --version >/dev/null 2>said || [ -s said ]; then
        echo 'the superuser cannot run the program as somebody else'
        exit 77
    fi
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$as" "$BRAINALIGN" >as_nobody
    chmod +x as_nobody
    BRAINALIGN=./as_nobody
fi
numbers 24 2 >x.csv
numbers 24 3 2 >y.csv
cp x.csv secret.csv
chmod 000 secret.csv
mkdir locked open
chmod 555 locked
chmod 777 . open
with() { bad encode fit --features x.csv --responses y.csv --delays 0 -j 1 "$@"; }
with -o locked/e.h5
with -o open/e.h5 --table locked/t.tsv
with -o locked/e.h5 --dry-run
bad datasets synth -o locked/study
bad encode fit --features secret.csv --responses y.csv --delays 0 -j 1 -o open/e.h5
