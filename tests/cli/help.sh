# Help of every command: exit status 0, nothing on stderr, at most 90 columns, and every option of every table.
fail() { echo "$*"; exit 1; }

"$BRAINALIGN" help >overview 2>err && [ ! -s err ] || fail 'help failed'
"$BRAINALIGN" >bare && cmp -s overview bare || fail 'no arguments: not the overview'
"$BRAINALIGN" --help >long && cmp -s overview long || fail '--help: not the overview'
"$BRAINALIGN" help --markdown >cli.md 2>err && [ ! -s err ] || fail 'help --markdown failed'
"$BRAINALIGN" help --man-pages man 2>err && [ ! -s err ] || fail 'help --man-pages failed'

sed -n 's/^## brainalign //p' cli.md >commands
[ "$(wc -l <commands)" -ge 7 ] || fail 'commands are missing from the reference'
while read -r group verb; do
    # shellcheck disable=SC2086  # no verb means no argument
    "$BRAINALIGN" $group $verb --help >one 2>err && [ ! -s err ] || fail "$group $verb --help failed"
    # shellcheck disable=SC2086
    "$BRAINALIGN" help $group $verb >two && cmp -s one two || fail "help $group $verb differs"
    "$BRAINALIGN" "$group" --help >/dev/null || fail "$group --help failed"
    grep -q "^  $group${verb:+ }$verb  " overview || fail "$group $verb: not in the overview"
    [ -s "man/brainalign-$group${verb:+-}$verb.1" ] || fail "$group $verb: no manual page"
    [ -z "$(awk 'length > 90' one overview)" ] || fail "$group $verb: too wide"
    cat one >>all
done <commands

sed -n 's/.*\.name = "\([a-z0-9-]*\)".*/\1/p' "$SOURCE"/cli/*.c | sort -u >options
[ "$(wc -l <options)" -ge 50 ] || fail 'options were not found in the sources'
while read -r option; do
    pattern="(^|[ \`,])--$option([ \`,=|]|\$)"
    grep -Eq -- "$pattern" all || fail "--$option: not in any help"
    grep -Eq -- "$pattern" cli.md || fail "--$option: not in the reference"
    escaped=$(printf '%s\n' "--$option" | sed 's/-/\\\\-/g')
    grep -q -- "$escaped" man/*.1 || fail "--$option: not in any manual page"
done <options
