# A message is one line of text whatever a file is called.
"$BRAINALIGN" datasets info "$(printf 'a\nb\033[2J.csv')"
