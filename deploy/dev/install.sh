#!/usr/bin/env bash
# Checks that this machine has what BotSmith is built, run and tested with, and installs what is missing.
#
#   install.sh run     what `make run` needs: Rust, a C compiler, PostgreSQL, and Node for the dashboard's pages, without which
#                      it goes on
#   install.sh test    the same, RabbitMQ, docker-compose (its engine is not needed), Chromium, and Python for the platforms'
#                      own libraries
#
# Debian and Ubuntu packages are installed when we are root or may use sudo without a password; otherwise the exact
# commands are printed. Servers that come with packages are not started: BotSmith runs its own, on this machine only.
set -euo pipefail
what=${1:?run or test}

missing=()
need() { missing+=("$1"); }

command -v cc >/dev/null || need build-essential
command -v curl >/dev/null || need curl
postgres_found() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
postgres_found || need postgresql
command -v setpriv >/dev/null || need util-linux
if [ "$what" = test ] && [ -z "${AMQP_URL:-}" ]; then
    command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || need rabbitmq-server
fi

# npm comes with nodejs where it is not Debian's.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    if [ "$what" = test ] || { command -v apt-get >/dev/null && apt-cache show npm >/dev/null 2>&1; }; then
        command -v node >/dev/null || need nodejs
        command -v npm >/dev/null || need npm
    fi
fi

if [ "$what" = test ] && ! docker compose version >/dev/null 2>&1; then
    command -v docker-compose >/dev/null || need docker-compose
fi
if [ "$what" = test ]; then
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || need chromium
    # Debian's Python comes without what makes virtual environments.
    python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo); else as_root=(false); fi
fi

install_packages() {
    # A package's server would start at once, and RabbitMQ's listens on every address.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made=yes
    fi
    "${as_root[@]}" apt-get update -q
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qy --no-install-recommends "$@" || failed=yes
    [ -z "$made" ] || "${as_root[@]}" rm -f "$policy"
    # Not at the next boot either.
    if [ -d /run/systemd/system ]; then
        for unit in rabbitmq-server postgresql; do
            case " $* " in *" $unit "*) "${as_root[@]}" systemctl disable --now "$unit" >/dev/null 2>&1 || true ;; esac
        done
    fi
    [ -z "${failed:-}" ]
}

if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "Please install these with your system's package manager, then run the same command again:" >&2
        printf '  %s\n' "${missing[@]}" >&2
        exit 1
    fi
    if [ "${as_root[0]:-}" = false ]; then
        echo "Please run this, then the same command again:" >&2
        echo "  sudo apt-get update && sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing: ${missing[*]}"
    install_packages "${missing[@]}"
fi

if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    echo "Rust is installed but not on the PATH. Run:  . \"\$HOME/.cargo/env\"" >&2
    exit 1
fi
if ! command -v cargo >/dev/null; then
    if command -v apt-get >/dev/null && [ "${as_root[0]:-}" != false ] && apt-cache show rustup >/dev/null 2>&1; then
        install_packages rustup
        rustup default "$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)"
    else
        echo "Rust is missing. Install it from https://rustup.rs, then run the same command again." >&2
        exit 1
    fi
fi
