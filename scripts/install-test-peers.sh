#!/usr/bin/env bash
#
# Installs the real peers that the tests talk to (Orthanc, DCMTK, odil, proxies, tshark, nmap, promtool, rsyslog, a browser), on Debian and
# Ubuntu, as root or with passwordless sudo. Knows nothing of the tests: test/support/peers.ts decides what a
# missing peer means for them. Does nothing when everything is there. No service is left running or enabled.
#
# Exit codes: 0 done, or could not be done here; 1 a peer is missing although CI=true.
set -euo pipefail

# Ordinary users of Debian have no sbin in their path, but may run what is in it.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# One line for each package: the package, then what shows that it is there.
peers='
orthanc Orthanc
dcmtk storescu
haproxy haproxy
redis-server redis-server
nginx-light nginx
libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so
stunnel4 stunnel4
tshark tshark
chromium chromium
openssl openssl
odil odil
bsdutils script
faketime faketime
nmap nmap
prometheus promtool
python3 python3
rsyslog rsyslogd
rsyslog-gnutls /usr/share/doc/rsyslog-gnutls/copyright
libxml2-utils xmllint
'

# What these packages would start at once, and again at every boot.
services='orthanc haproxy redis-server nginx stunnel4 prometheus rsyslog'

missing_packages() {
  local package evidence
  while read -r package evidence; do
    case $evidence in
      '') ;;
      /*) [[ -e $evidence ]] || printf '%s ' "$package" ;;
      *) command -v "$evidence" >/dev/null || printf '%s ' "$package" ;;
    esac
  done <<<"$peers"
}

say() { printf 'test peers: %s\n' "$1" >&2; }

# Ends the script when there is no way to install; in CI a missing peer must not pass for a skipped test.
give_up() {
  say "$1; without them some test suites are skipped: $missing"
  if [[ ${CI:-} == true ]]; then exit 1; else exit 0; fi
}

missing=$(missing_packages)
[[ -n $missing ]] || exit 0

as_root=()
command -v apt-get >/dev/null || give_up 'only Debian and Ubuntu are supported, install these yourself'
if ((EUID != 0)); then
  sudo -n true 2>/dev/null || give_up 'neither root nor passwordless sudo, install these yourself'
  as_root=(sudo -n)
fi

# Debian starts a service as soon as its package is installed, unless policy-rc.d forbids it (Debian Policy
# §9.3.3.1). An administrator's own policy-rc.d is respected; disable_new_services stops what it let start.
policy=/usr/sbin/policy-rc.d
policy_is_ours=false
restore() {
  if [[ $policy_is_ours == true ]]; then "${as_root[@]}" rm -f "$policy"; fi
}
trap restore EXIT
forbid_starting_services() {
  [[ -e $policy ]] && return
  policy_is_ours=true
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}

has_service() { [[ -e /etc/init.d/$1 || -e /lib/systemd/system/$1.service ]]; }

services_present() {
  local service
  for service in $services; do
    if has_service "$service"; then printf '%s ' "$service"; fi
  done
}

# Those that were there before belong to someone else and are left alone.
disable_new_services() {
  local service
  for service in $services; do
    if [[ " $services_before " == *" $service "* ]] || ! has_service "$service"; then continue; fi
    if [[ -d /run/systemd/system ]]; then
      "${as_root[@]}" systemctl disable --now --quiet "$service" >/dev/null 2>&1 || true
    else
      "${as_root[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true
    fi
  done
}

# No question may be asked: wireshark's package has one, needrestart and changed configuration files others.
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get --quiet --quiet --option DPkg::Lock::Timeout=300 "$@" </dev/null
}
install_packages() {
  apt install --yes --no-install-recommends --option Dpkg::Options::=--force-confold "$@"
}

say "installing $missing"
services_before=$(services_present)
forbid_starting_services
apt update || say 'the package lists could not be updated, going on with the old ones'
# shellcheck disable=SC2086 # a list of words
if ! install_packages $missing; then
  # One package that this release does not have must not keep the others out.
  for package in $missing; do
    install_packages "$package" || say "$package could not be installed"
  done
fi
disable_new_services

missing=$(missing_packages)
[[ -z $missing ]] || give_up 'could not be installed'
