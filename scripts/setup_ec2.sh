#!/usr/bin/env bash
# Sets up a worker on a bare EC2 instance, or updates the one that is there. Run it as root, from a checkout.
#   sudo bash scripts/setup_ec2.sh calculation --workers 2
#   sudo bash scripts/setup_ec2.sh image --operation gamma --bucket my-bucket --region eu-west-3
#   sudo bash scripts/setup_ec2.sh calculation --uninstall
#   bash scripts/setup_ec2.sh image --dry-run      prints the steps on a bare instance, takes none
# Options: --workers N (1), --operation NAME (gamma), --bucket NAME, --input-queue NAME, --output-queue NAME,
# --region NAME (the instance's own), --endpoint-url URL (AWS itself), --uninstall, --dry-run, --help.
set -euo pipefail
umask 022
PATH=$PATH:/usr/sbin:/sbin
root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd /
units=/etc/systemd/system
work='' release='' live=''

fail() {
    printf 'setup_ec2.sh: %s\n' "$*" >&2
    exit 1
}

refuse() {
    printf 'setup_ec2.sh: %s; see --help\n' "$*" >&2
    exit 2
}

# Runs a command, or only prints it in a dry run. A failure is reported with the first error line of apt or
# pip, or else the last line of output.
step() {
    printf '%s\n' "$*"
    [ -z "$dry_run" ] || return 0
    "$@" >"$work/said" 2>&1 ||
        fail "$1 failed: $(grep -m 1 -E '^(E|ERROR): ' "$work/said" || grep '[^[:space:]]' "$work/said" | tail -n 1)"
}

# Removes an unfinished release; the one in use stays whole.
clean_up() {
    [ -z "$work" ] || rm -rf -- "$work"
    if [ -n "$release" ] && [ "$release" != "$live" ]; then
        rm -rf -- "$release"
        rmdir -- "$home" 2>/dev/null || true
    fi
}

read_options() {
    part='' workers='' operation='' bucket='' input_queue='' output_queue='' uninstall='' dry_run=''
    region=${AWS_DEFAULT_REGION:-} endpoint_url=${AWS_ENDPOINT_URL:-}
    local name told=''
    while [ $# -gt 0 ]; do
        case $1 in
        calculation | image)
            [ -z "$part" ] || refuse "one part at a time: $part or $1"
            part=$1
            ;;
        --workers | --operation | --bucket | --input-queue | --output-queue | --region | --endpoint-url)
            [ -n "${2:-}" ] || refuse "$1 needs a value"
            name=${1#--}
            printf -v "${name//-/_}" %s "$2"
            told=$1
            shift
            ;;
        --uninstall) uninstall=yes ;;
        --dry-run) dry_run=yes ;;
        --help | -h)
            sed -n '2,/^set /s/^# \{0,1\}//p' "$root/scripts/setup_ec2.sh"
            exit 0
            ;;
        *) refuse "unknown argument '$1'" ;;
        esac
        shift
    done
    [ -n "$part" ] || refuse "say which worker: calculation or image"
    [ -z "$uninstall" ] || [ -z "$told" ] || refuse "--uninstall takes no $told"
    [ "$part" = image ] || [ -z "$operation" ] || refuse "--operation is for images"
    check_options
    [ "$part" = calculation ] || operation=${operation:-gamma}
    workers=${workers:-1}
    worker=$part-worker
    home=/opt/$worker
}

# bash 3.2, which macOS has, takes a pattern with parentheses only from a variable.
matches() {
    [[ $1 =~ ^$2$ ]]
}

check_options() {
    local queue='([A-Za-z0-9_-]{1,80})?'
    matches "$workers" '([1-9][0-9]?)?' || refuse "--workers '$workers' is not a number from 1 to 99"
    matches "$operation" '([a-z][a-z0-9_-]*)?' || refuse "--operation '$operation' is not an operation"
    if ! matches "$bucket" '([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?' || [[ $bucket == *..* ]] ||
        matches "$bucket" '([0-9]+[.]){3}[0-9]+'; then
        refuse "--bucket '$bucket' is not a bucket name"
    fi
    matches "$input_queue" "$queue" || refuse "--input-queue '$input_queue' is not a queue name"
    matches "$output_queue" "$queue" || refuse "--output-queue '$output_queue' is not a queue name"
    [ -z "$input_queue" ] || [ "$input_queue" != "$output_queue" ] || refuse "one queue cannot be both input and output"
    matches "$region" '([a-z][a-z0-9-]*)?' || refuse "--region '$region' is not a region"
    matches "$endpoint_url" '(https?://[A-Za-z0-9._:/-]+)?' || refuse "--endpoint-url '$endpoint_url' is not a URL"
}

# Sets $system, and $pythons to the versions that the distribution has, best first.
recognise_system() {
    local release=${OS_RELEASE:-/etc/os-release}
    # shellcheck disable=SC1090
    system=$(. "$release" 2>/dev/null && printf '%s %s' "${ID:-}" "${VERSION_ID:-}") || true
    if [ -n "$dry_run" ] && ! [ -e "$release" ]; then
        system='amzn 2023'
        printf 'These are the steps on Amazon Linux 2023, since this machine does not run Linux:\n'
    fi
    case $system in
    "amzn 2") pythons=(python3.8) ;;
    "amzn 2023") pythons=(python3.13 python3.12 python3.11) ;;
    "ubuntu 20.04" | "ubuntu 22.04" | "ubuntu 24.04" | "ubuntu 26.04" | "debian 12" | "debian 13") pythons=(python3) ;;
    *) fail "this system (${system:-unknown}) is none of Amazon Linux 2 and 2023, Ubuntu 20.04 to 26.04 LTS, Debian 12 and 13" ;;
    esac
}

check_machine() {
    [ -f "$root/$part/worker.py" ] || fail "there is no $part/worker.py in $root: run this from a whole checkout"
    [ -z "$dry_run" ] || return 0
    [ "$(id -u)" = 0 ] || fail "only root can set up a worker: use sudo"
    [ -d /run/systemd/system ] || fail "this machine is not run by systemd"
    mkdir -p /opt
    exec 9</opt
    flock --nonblock 9 || fail "another setup is running"
    local free
    free=$(df --output=avail --block-size=1M /opt | tail -n 1)
    [ -n "$uninstall" ] || [ "$free" -ge 600 ] || fail "/opt has ${free// /} MB free, and 600 are needed"
}

find_python() {
    for python in "${pythons[@]/#//usr/bin/}"; do
        if [ -z "$dry_run" ] && "$python" -I -c 'import ensurepip, venv' 2>/dev/null; then return; fi
    done
    false
}

install_python() {
    find_python && return
    case $system in
    "amzn 2")
        step amazon-linux-extras enable python3.8
        step yum -y clean metadata
        step yum -y install python38
        ;;
    "amzn 2023")
        local version
        for version in "${pythons[@]:0:2}"; do
            printf '%s\n' "dnf -y install $version $version-pip"
            if [ -n "$dry_run" ] || dnf -y install "$version" "$version-pip" >/dev/null 2>&1; then break; fi
        done
        find_python || [ -n "$dry_run" ] || step dnf -y install "${pythons[2]}" "${pythons[2]}-pip"
        ;;
    *)
        export DEBIAN_FRONTEND=noninteractive
        step apt-get -o DPkg::Lock::Timeout=300 -qq update
        step apt-get -o DPkg::Lock::Timeout=300 -qq -y install python3 python3-venv
        ;;
    esac
    python=/usr/bin/${pythons[0]}
    [ -n "$dry_run" ] || find_python || fail "the installed ${pythons[0]} cannot make virtual environments"
}

# Builds code and packages beside the release in use, in a folder named after a hash of all that goes in.
build_release() {
    local mark=RELEASE
    if [ -z "$dry_run" ]; then
        live=$(readlink "$home/current" || true)
        mark=$(cd "$root" && { "$python" --version && find messaging "$part" -name '*.py' -print0 | sort -z | xargs -0 sha256sum scripts/ec2/constraints.txt scripts/ec2/keep_journal.py; } | sha256sum)
    fi
    release=$home/${mark:0:16}
    [ "$release" != "$live" ] || return 0
    step rm -rf -- "$release"
    step mkdir -p "$release"
    step cp -R -- "$root/messaging" "$root/$part" "$root/scripts/ec2/keep_journal.py" "$release"
    step find "$release" -name __pycache__ -prune -exec rm -rf {} +
    step chmod -R u=rwX,go=rX "$release"
    step "$python" -I -m venv "$release/venv"
    # Any version of pip refuses what does not match the hashes in the file.
    step "$release/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-input \
        --only-binary=:all: --require-hashes -r "$root/scripts/ec2/constraints.txt"
    step "$release/venv/bin/python" -I -m compileall -q "$release/messaging" "$release/$part" "$release/keep_journal.py"
    step runuser -u nobody -- "$release/venv/bin/python" -I -c 'import boto3, numpy, PIL'
    step runuser -u nobody -- "$release/venv/bin/python" "$release/$part/worker.py" ${operation:+"$operation"} --help
}

find_region() {
    [ -z "$region" ] || return 0
    printf 'ask the instance metadata (IMDSv2) for the region\n'
    [ -z "$dry_run" ] || return 0
    local ask='from botocore.utils import InstanceMetadataRegionFetcher as Fetcher; print(Fetcher().retrieve_region() or "")'
    region=$("$release/venv/bin/python" -I -W ignore -c "$ask")
    [ -n "$region" ] || fail "the instance metadata has no region: give --region"
}

# Writes standard input to a file, unless the file has that content already.
write() {
    local text
    text=$(cat)
    if [ -n "$dry_run" ]; then
        printf 'write %s\n' "$1"
    elif [ "$text" != "$(cat "$1" 2>/dev/null)" ]; then
        printf 'write %s\n' "$1"
        touch "$home/changed"
        mkdir -p "$(dirname "$1")"
        printf '%s\n' "$text" >"$1.new"
        mv -f "$1.new" "$1"
    fi
}

# Tells whether the workers need a restart; kept in a file, so that the next run makes up for an interrupted one.
changed() {
    [ -n "$dry_run" ] || [ -e "$home/changed" ]
}

environment() {
    local prefix value
    prefix=$(printf %s "$part" | tr '[:lower:]' '[:upper:]')
    printf '%s\n' "AWS_DEFAULT_REGION=$region"
    for value in "${prefix}_INPUT_QUEUE=$input_queue" "${prefix}_OUTPUT_QUEUE=$output_queue" \
        "${prefix}_BUCKET=$bucket" "AWS_ENDPOINT_URL=$endpoint_url"; do
        [ -z "${value#*=}" ] || printf '%s\n' "$value"
    done
}

# One image at a time in a worker, so that one that needs too much memory takes no other with it.
fill_in() {
    sed -e "s/@PART@/$part/g" -e "s/@ARGUMENTS@/${operation:+$operation --concurrency 1}/g" -e 's/ *$//' "$root/scripts/ec2/$1"
}

configure() {
    if [ -n "$dry_run" ] || ! id -u "$worker" >/dev/null 2>&1; then
        step useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$worker"
    fi
    environment | write "/etc/$worker.env"
    fill_in worker@.service | write "$units/$worker@.service"
    fill_in worker.target | write "$units/$worker.target"
    fill_in worker-journal.service | write "$units/$worker-journal.service"
    local version=999
    ! command -v systemctl >/dev/null || read -r _ version _ < <(systemctl --version)
    # systemd 219 misunderstands some of these settings: see the file.
    if [ "${version%%[!0-9]*}" -ge 245 ]; then
        fill_in worker-hardening.conf | write "$units/$worker@.service.d/hardening.conf"
    fi
}

swap_release() {
    [ "$release" != "$live" ] || return 0
    step touch "$home/changed"
    step ln -sfn "$release" "$home/current.new"
    step mv -T "$home/current.new" "$home/current"
    live=$release
}

# Runs workers 1 to N, restarting one after another if something changed, and drains any others.
run_workers() {
    local wanted=() spare=() unit number
    for ((number = 1; number <= workers; number++)); do wanted+=("$worker@$number.service"); done
    for unit in "$units/$worker.target.wants/"*; do
        unit=${unit##*/}
        [[ " ${wanted[*]} * " == *" $unit "* ]] || spare+=("$unit")
    done
    ! changed || step systemctl daemon-reload
    if [ ${#spare[@]} -gt 0 ]; then
        step systemctl disable "${spare[@]}"
        step systemctl stop "${spare[@]}"
    fi
    step systemctl enable "$worker-journal.service" "$worker.target" "${wanted[@]}"
    for unit in "$worker-journal.service" "${wanted[@]}"; do
        if changed; then
            step systemctl restart "$unit"
        elif systemctl --quiet is-active "$unit"; then
            continue
        else
            step systemctl start "$unit"
        fi
        [ "$unit" = "$worker-journal.service" ] || step await "$unit"
    done
    step systemctl start "$worker.target"
    ! changed || step rm -f -- "$home/changed"
}

# Waits until a worker logs that it reads its queue; fails with the last line that it logged.
await() {
    local second pid said=(journalctl --boot --quiet --no-pager --output=cat "_SYSTEMD_UNIT=$1")
    for ((second = 0; second < 60; second++)); do
        pid=$(systemctl show --property=MainPID "$1")
        "${said[@]}" "_PID=${pid#MainPID=}" | grep ' reads ' && return
        sleep 1
    done
    "${said[@]}" --lines=1
    return 1
}

remove_old_releases() {
    local folder
    for folder in "$home"/*; do
        case $folder in
        "$home/current" | "$release" | "$home/*") ;;
        *) step rm -rf -- "$folder" ;;
        esac
    done
}

remove_worker() {
    if [ -e "$units/$worker.target" ] || [ -n "$dry_run" ]; then
        step systemctl stop "$worker.target" "$worker@*.service"
        step systemctl stop "$worker-journal.service"
        step systemctl disable "$worker.target" "$worker-journal.service"
    fi
    step rm -rf -- "$units/$worker.target.wants" "$units/$worker.target" "$units/$worker@.service" \
        "$units/$worker@.service.d" "$units/$worker-journal.service" "/etc/$worker.env" "$home"
    step systemctl daemon-reload
    if [ -n "$dry_run" ] || id -u "$worker" >/dev/null 2>&1; then step userdel "$worker"; fi
}

read_options "$@"
[ -n "$uninstall" ] || recognise_system
check_machine
[ -n "$dry_run" ] || work=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ -n "$uninstall" ]; then
    remove_worker
    exit
fi
install_python
build_release
find_region
configure
swap_release
run_workers
remove_old_releases
printf 'Done. Their log: journalctl --unit "%s@*"\n' "$worker"
