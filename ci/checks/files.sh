# shellcheck shell=bash
# Sourced by the checks, which run from the root: the files they look at.

# Tracked files that match the patterns and still exist; in a tarball without git, all that match.
files() {
  local file
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -- "$@"
  else
    find . -path ./build -prune -o -type f -print | sed 's|^\./||' | while read -r file; do
      for pattern in "$@"; do
        # shellcheck disable=SC2053  # The right side is meant as a pattern.
        [[ $file == $pattern ]] && printf '%s\n' "$file" && break
      done
    done
  fi | while read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}

cpp_files() { files '*.h' '*.cpp' '*.c'; }

# Files that start with a shell's name, whatever they are called.
scripts() { files 'ci/*' '.ci/*' | while read -r f; do ! head -n 1 "$f" | grep -aqE '^#!.*bash|shellcheck shell=bash' || echo "$f"; done; }
