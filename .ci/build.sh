# Sourced by punchline, test and publish: builds in Release when a source is newer than the last build, and lets
# one process build at a time. The caller sets $root, the folder of the repository. POSIX sh.

# What the build reads besides tests/. bin and obj are what it writes.
sources='src global.json Directory.Build.props Directory.Packages.props .editorconfig BannedSymbols.txt'
: "${root:?}"
lock=$root/src/Punchline.Cli/obj/build.lock

# stale STAMP FOLDER...: succeeds if the stamp is missing or something in $sources or the folders is newer.
# Folders count as well as files, because removing a file changes nothing but its folder.
stale() {
    stamp=$1
    shift
    [ -f "$stamp" ] || return 0
    # shellcheck disable=SC2086 # a list of words
    [ -n "$(cd "$root" && find $sources "$@" \( -name bin -o -name obj -o -name node_modules \) -prune \
        -o -newer "$stamp" -print 2>/dev/null)" ]
}

# locked COMMAND...: runs it while no other process of this repository builds. The kernel drops a flock with its
# owner. Where there is none (macOS), a folder is the lock, and one whose owner is gone is taken away.
locked() {
    mkdir -p "${lock%/*}"
    if command -v flock >/dev/null 2>&1; then
        # Not inherited by what the command starts (9>&-): a compiler that stays must not keep the lock.
        (flock 9 && "$@" 9>&-) 9>"$lock"
        return
    fi
    until mkdir "$lock.d" 2>/dev/null; do
        owner=$(cat "$lock.d/owner" 2>/dev/null) || owner=
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null && mv "$lock.d" "$lock.$$" 2>/dev/null; then
            rm -rf "$lock.$$"
        else
            sleep 1
        fi
    done
    echo $$ >"$lock.d/owner"
    trap 'rm -rf "$lock.d"; exit 130' INT TERM HUP
    result=0
    "$@" || result=$?
    rm -rf "$lock.d"
    trap - INT TERM HUP
    return $result
}

# build PROJECT STAMP FOLDER...: looks again (another process may just have built) and builds. The stamp gets the
# time at which the build began, so that what is saved meanwhile counts as newer. No build server stays behind:
# it would hold on to our caller's standard error.
build() {
    project=$1
    stamp=$2
    shift 2
    stale "$stamp" "$@" || return 0
    if ! command -v dotnet >/dev/null 2>&1; then
        echo "${0##*/}: the .NET 10 SDK is missing (no 'dotnet' on PATH): https://dotnet.microsoft.com/download" >&2
        return 1
    fi
    # Made now: their appearing later would make each project's folder newer than the stamp.
    for folder in "$root"/src/*/ "$root"/tests/*/; do
        mkdir -p "${folder}bin" "${folder}obj"
    done
    : >"$stamp.begun"
    echo "${0##*/}: building, this takes a moment" >&2
    DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 dotnet build "$root/$project" -c Release -v quiet --nologo \
        --tl:off -clp:NoSummary --disable-build-servers -nodeReuse:false </dev/null >&2 || return 1
    mv "$stamp.begun" "$stamp"
}
