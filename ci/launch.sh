# shellcheck shell=bash disable=SC2154
# What ci/lab and its helpers share: installing, building, starting programs. Sourced by scripts
# that set $root, the folder of the repository, and $here, the folder the user stands in.

fail() {
  printf 'ci/lab: %s\n' "$*" >&2
  exit 2
}

# The packages of ci/packages.txt that commands (with commas between them) need and that are not
# installed.
missing_packages() {
  local commands=$1 command package uses rest
  local -a wanted=()
  while read -r package uses rest; do
    case $package in '' | '#'*) continue ;; esac
    for command in ${commands//,/ }; do
      case ",$uses," in *",$command,"* | ',*,') wanted+=("$package") && break ;; esac
    done
  done <"$root/ci/packages.txt"
  # One call for all; packages dpkg has never heard of are missing from its answer.
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null) || :
  for package in "${wanted[@]}"; do
    grep -qx "installed $package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Installs what a command needs. Quick when nothing is missing.
prepare() {
  command -v dpkg-query >/dev/null || return 0  # Not Debian: cmake says what it does not find.
  local -a missing as_root=()
  mapfile -t missing < <(missing_packages "$1")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "missing: ${missing[*]}. As root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "installing ${#missing[@]} packages"
  mkdir -p "$root/build"
  local log=$root/build/install.log
  if ! { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "could not install: ${missing[*]}. Try: apt-get install ${missing[*]}"
  fi
  step_done
}

# prepare_trees ARGS...: what the kernel trees named by --linux are made of and with.
prepare_trees() {
  local argument last=''
  for argument in "$@"; do
    case "$last $argument" in
      '--linux 6.1' | *' --linux=6.1') prepare linux,linux-6.1 ;;
      '--linux 6.12' | *' --linux=6.12') prepare linux,linux-6.12 ;;
      '--linux '* | *' --linux='*) prepare linux ;;
    esac
    last=$argument
  done
}

# What the packaged kernels are made of and with, if it can be had; who goes on says what is left out.
prepare_kernels() { (prepare linux,linux-6.1,linux-6.12) 2>&1 | grep --line-buffered ^installing >&2 || :; }

# One line for each thing that takes time, with the seconds it took; on stderr, so that the output
# of a command can be piped.
step() {
  step_name=$1
  step_start=$SECONDS
  printf '%s ...\n' "$step_name" >&2
}
step_done() { printf '%s: %d s\n' "$step_name" $((SECONDS - step_start)) >&2; }

# build PRESET [TARGET...]: configures and builds; silent when there is nothing to do.
build() {
  local preset=$1 tree=$root/build/$1
  shift
  export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$root
  mkdir -p "$tree"
  exec 9>"$tree/.lock"
  flock 9  # Two commands may need the same tree at once.
  if [ ! -f "$tree/build.ninja" ] || [ "$root/CMakePresets.json" -nt "$tree/build.ninja" ]; then
    (cd "$root" && cmake --preset "$preset") >"$tree/configure.log" 2>&1 || {
      cat "$tree/configure.log" >&2
      fail "cmake --preset $preset failed"
    }
  fi
  if ! ninja -C "$tree" -n "$@" 2>/dev/null | grep -q 'no work to do'; then
    step "building $preset"
    if [ -t 2 ]; then
      ninja -C "$tree" "$@" >&2 || fail "the $preset build failed"
    elif ! ninja -C "$tree" "$@" >"$tree/build.log" 2>&1; then
      grep -v '^\[' "$tree/build.log" | tail -n 60 >&2
      fail "the $preset build failed; all of it is in $tree/build.log"
    fi
    step_done
  fi
  exec 9>&-
}

# launch PRESET PROGRAM ARGS...: replaces this shell, in the caller's folder.
launch() {
  local program=$root/build/$1/$2
  shift 2
  cd "$here" || exit 2
  export MEMBLOCK_LAB_CORPORA=${MEMBLOCK_LAB_CORPORA:-$root/corpora}
  export MEMBLOCK_LAB_FINDINGS=${MEMBLOCK_LAB_FINDINGS:-$root/build/findings}
  export MEMBLOCK_LAB_ROOT=$root
  exec "$program" "$@"
}
