#!/usr/bin/env bash
# Looks whether what documents and comments point to is there: paragraphs of docs/behaviour.md that are cited, files and folders
# that documents link to, and the imports of each module in docs/architecture.md; and that each number means one paragraph. Ends
# with 1, and a line for each that is not so.
set -euo pipefail
cd "$(dirname "$0")/.."

failures=0
missing() {
    echo "$1" >&2
    failures=$((failures + 1))
}

# `docs/behaviour.md, B4.2`, also several on one line; documents cite without naming the page.
while IFS=: read -r file line number; do
    grep -qE "^(\*\*$number\*\*|## $number )" docs/behaviour.md || missing "$file:$line: docs/behaviour.md has no $number"
done < <(
    { git grep -nE 'behaviour\.md, B[0-9]' -- Sources Tests || true; git grep -nE '\bB[0-9]+\.[0-9]+' -- docs README.md CONTRIBUTING.md || true; } |
        while IFS= read -r found; do
            place=$(cut -d: -f1,2 <<< "$found")
            grep -oE '\bB[0-9]+(\.[0-9]+)?\b' <<< "${found#"$place":}" | sed "s#^#$place:#"
        done
)

while IFS= read -r number; do
    missing "docs/behaviour.md: several paragraphs are $number"
done < <(grep -oE '^(\*\*|## )B[0-9]+(\.[0-9]+)?\b' docs/behaviour.md | grep -oE 'B[0-9.]+' | sort | uniq -d)

while IFS=: read -r file line link; do
    target=${link%%#*}
    [[ -z $target || $target == *://* || $target == mailto:* ]] && continue
    [[ -e $(dirname "$file")/$target ]] || missing "$file:$line: there is no $link"
done < <(
    git grep -nE '\]\([^)]+\)' -- '*.md' |
        while IFS= read -r found; do
            place=$(cut -d: -f1,2 <<< "$found")
            grep -oE '\]\([^)]+\)' <<< "${found#"$place":}" | sed -E 's/^\]\(//; s/\)$//' | sed "s#^#$place:#"
        done
)

# A module's row ends with what it imports; those that have no Swift in them import nothing.
for folder in Sources/*/; do
    module=$(basename "$folder")
    [[ -n $(find "$folder" -name "*.swift" -print -quit) ]] || continue
    imports=$(grep -rhoE '^((public|package|internal|private) )?import \w+' --include='*.swift' "$folder" | sed 's/.* //' | sort -u |
        while IFS= read -r name; do if [[ -d Sources/$name ]]; then echo "$name"; fi; done | paste -sd, | sed 's/,/, /g')
    row=$(grep "^| \`$module\` |" docs/architecture.md | sed -E 's/.*\| *([^|]*[^| ])? *\|$/\1/' || true)
    named=$(grep -oE '\w+' <<< "${row%%;*}" | sort -u | paste -sd, | sed 's/,/, /g' || true)
    [[ $named == "$imports" ]] || missing "docs/architecture.md: $module imports $imports"
done

((failures == 0))
