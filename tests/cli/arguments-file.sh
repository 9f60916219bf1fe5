# @FILE: one argument a line, comments, blanks, BOM, CRLF; not nested; not after --.
printf '1,2\n3,4\n' >x.csv
printf '1,2\n3,4\n' >'a b.csv'
printf '1,2\n3,4\n' >@x.csv

printf '# what to show\n\n  x.csv  \n\ta b.csv\t\n#last\n' >plain
"$BRAINALIGN" datasets info @plain | grep -v '^ '
printf '\357\273\277datasets\r\ninfo\r\nx.csv\r\n' >dos
"$BRAINALIGN" @dos | grep -v '^ '
"$BRAINALIGN" datasets info -- @x.csv | grep -v '^ '
"$BRAINALIGN" datasets info ./@x.csv | grep -v '^ '
printf -- '--memory\n1G\n' >options
"$BRAINALIGN" datasets info @options x.csv | grep -v '^ '

wrong() {
    "$BRAINALIGN" "$@" && echo "no error: $*"
    echo "exit $?"
}
printf '@plain\n' >nested
wrong datasets info @nested
printf 'x\0y\n' >zero
wrong datasets info @zero
wrong datasets info @missing
printf -- '--memory 1G\nx.csv\n' >joined
wrong datasets info @joined
mkdir folder
wrong datasets info @folder
