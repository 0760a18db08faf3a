"""Who may reach what listens on this machine: by default nobody else, and others only with a token."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .problems import Problem, SettingsError

SHORTEST_TOKEN = 16
MAKE_A_TOKEN = "python3 -c 'import secrets; print(secrets.token_urlsafe())' makes one"


@dataclass(frozen=True)
class Rules:
    """Who may do what.

    Attributes:
        host_names: Names that the dashboard answers to, beside those of this machine's loopback.
        any_address: Whether it answers to every address too; names can be made to point here, addresses cannot.
        token: Asked of everyone; None asks nobody.
        session: In the cookie of who has shown the token, so that no browser stores the token itself.
    """

    host_names: frozenset[str] = frozenset()
    any_address: bool = False
    writable: bool = False
    token: str | None = None
    session: str = field(default_factory=secrets.token_urlsafe)


def rules_for(
    host: str,
    allow_remote: bool,
    allowed_hosts: tuple[str, ...],
    token: str | None,
    danger: str,
    writable: bool = False,
) -> Rules:
    """Who may do what; without a token nobody but this machine.

    Args:
        host: Address to listen on.
        allow_remote: Whether others than this machine may reach it.
        allowed_hosts: Further names of this machine, such as a reverse proxy's.
        token: Or ``env:VAR`` for one that shall not stand in the list of processes.
        danger: What everyone could do without one, such as ``read every study``.
        writable: See ``Rules``.

    Raises:
        SettingsError: If the token is missing or no good, or ``host`` reaches further than allowed.
    """
    remote = not is_loopback(host)
    if remote and not allow_remote:
        rule = f"reaches beyond this machine, where everyone could {danger} without a password"
        way_out = "use 127.0.0.1, or add --allow-remote and --token env:VAR if that is meant"
        raise SettingsError([Problem("--host", host, rule, way_out)])
    secret = None if token is None else _read_token(token)
    if (remote or allowed_hosts) and secret is None:
        option, value = ("--allow-remote", True) if remote else ("--allowed-host", " ".join(allowed_hosts))
        rule = f"needs a --token, since everyone on the network could {danger}"
        raise SettingsError([Problem(option, value, rule, f"--token env:VAR takes it from VAR; {MAKE_A_TOKEN}")])
    names = frozenset(name.lower() for name in (host, *allowed_hosts, *((socket.gethostname(),) if remote else ())))
    return Rules(host_names=names, any_address=remote, writable=writable, token=secret)


def answers_to(host: str, rules: Rules) -> bool:
    """Whether a Host header (name or address, perhaps with a port) means this dashboard."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in rules.host_names:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return rules.any_address or address.is_loopback


def site_of(origin: str) -> str | None:
    """Host and port of an Origin header; None for ``null`` and what is no web address."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in ("http", "https") else None


def same_secret(shown: str, secret: str) -> bool:
    """Compares in a time that tells nothing about how much of it is right."""
    return hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).split("%")[0]).is_loopback for address in addresses)


def in_url(host: str) -> str:
    """An address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _read_token(written: str) -> str:
    """The token itself; messages never show it."""
    if written.startswith("env:"):
        name = written.removeprefix("env:")
        token = os.environ.get(name, "")
        if not token:
            raise SettingsError(
                [Problem("--token", written, f"there is no environment variable {name!r}, or nothing in it")]
            )
    else:
        token = written
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        rule = f"must be at least {SHORTEST_TOKEN} letters, digits and signs, without spaces"
        raise SettingsError([Problem("--token", f"{len(token)} characters", rule, MAKE_A_TOKEN)])
    return token
