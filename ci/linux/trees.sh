# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the scripts beside it, which set $root and fail(): where kernel trees come from.

# Folders and files of a tree that anything here is made of. Not every version has every one.
tree_parts=(mm/memblock.c include/linux/memblock.h include/linux/gfp_types.h
  tools/testing/memblock tools/testing/selftests/kselftest.h tools/include tools/lib
  tools/arch/x86/include arch/x86/kernel/e820.c arch/x86/include/asm/e820
  arch/x86/include/uapi/asm)

# find_tree TREE: a number names Debian's package linux-source-NUMBER, whose parts are unpacked once;
# all else is a path. Sets $source, its folder, $name, and $release, such as 6.12 or nothing.
find_tree() {
  local tree=$1 unpacked=$root/build/linux
  if [[ $tree =~ ^[0-9]+\.[0-9]+$ ]] && [ ! -d "$tree" ]; then
    name=linux-$tree release=$tree source=$unpacked/source-$tree
    unpack_tree "$tree" "/usr/src/linux-source-$tree.tar.xz" "$unpacked"
    return
  fi
  [ -d "$tree" ] || fail "$tree: no such folder, and no number such as 6.12"
  source=$(cd "$tree" && pwd)
  name=linux-$(basename "$source")-$(printf %s "$source" | sha256sum | cut -c1-6)
  release=$(sed -n '1,5s/^\(VERSION\|PATCHLEVEL\) *= *\([0-9]*\)$/\2/p' "$source/Makefile" \
    2>/dev/null | paste -sd.) || release=''
}

unpack_tree() {
  local tree=$1 tarball=$2 unpacked=$3 stamp
  [ -f "$tarball" ] || fail "linux-source-$tree is not installed; apt-get install linux-source-$tree"
  stamp="$(stat -c '%s %Y' "$tarball") ${tree_parts[*]}"
  mkdir -p "$unpacked"
  exec 8>"$unpacked/.unpack-lock"
  flock 8 # Two commands may need the same sources at once.
  if [ "$(cat "$source/.unpacked" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$source"
    mkdir -p "$source"
    # What is needed and missing is said by those who need it.
    tar -xJf "$tarball" -C "$source" --strip-components=1 \
      "${tree_parts[@]/#/linux-source-$tree/}" 2>"$unpacked/unpack.log" ||
      [ -f "$source/mm/memblock.c" ] || fail "cannot unpack $tarball; see $unpacked/unpack.log"
    printf '%s\n' "$stamp" >"$source/.unpacked"
  fi
  exec 8>&-
}
