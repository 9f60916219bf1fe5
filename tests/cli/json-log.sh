# --log json: one object a line, also for errors in the options and for names that are no valid text.
"$BRAINALIGN" datasets info --log json missing.csv
echo "exit $?"
"$BRAINALIGN" datasets info --log=json --maks x
echo "exit $?"
"$BRAINALIGN" datasets info --log json "$(printf 'a"b\\c\n\033\377.csv')"
echo "exit $?"
