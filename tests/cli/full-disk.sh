# What cannot be written to stdout is an error, also when it was only buffered; no signal ends the program first.
# gcov writes its counts under the same limit, and spoils those of all tests.
"$BRAINALIGN" --version | grep -q ', coverage$' && { echo 'a limit on the size of files spoils counts of coverage'; exit 77; }
[ -w /dev/full ] || { echo 'no /dev/full'; exit 77; }
"$BRAINALIGN" help --markdown >/dev/full
echo "full: $?"
"$BRAINALIGN" --version >/dev/full
echo "full, little: $?"
"$BRAINALIGN" --version >&-
echo "closed: $?"
(ulimit -f 1 && "$BRAINALIGN" help --markdown >limited)
echo "limited: $?"
{
    sleep 1
    "$BRAINALIGN" help --markdown
    echo "no reader: $?" >status
} | true
cat status
