"""Addresses that a hook may call, and where an answer may lead."""

from urllib.parse import urljoin, urlsplit


def address_trouble(url: object, hosts: list[str]) -> str:
    """Why `url` may not be called, or "". `hosts` (HOOK_HOSTS), when not empty, lists what is allowed."""
    if not isinstance(url, str) or not url:
        return "Give the address to call."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no valid address."
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
        return "The address must begin with http:// or https:// and name a host."
    if parts.username or parts.password:
        return "Leave user and password out of the address: it is shown to people. Use the hook's secret."
    if hosts and not any(host_matches(allowed, parts.hostname, port) for allowed in hosts):
        return f"The settings (HOOK_HOSTS) do not allow calls to {parts.netloc}."
    return ""


def origin(url: str) -> tuple:
    """Scheme, host and port, as RFC 6454 compares them; None stands for what cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None, None, None


def same_origin(address: str, base: str) -> str:
    """`address`, which may be relative to `base`, in full; "" when it is empty or leads to another origin."""
    try:
        joined = urljoin(base, address) if address else ""
    except ValueError:
        return ""
    return joined if joined and origin(joined) == origin(base) else ""


def host_matches(allowed: str, host: str, port: int | None) -> bool:
    """Whether `allowed` ("ci.example.org", "*.example.org", either with ":8443") covers a host, given in lower case."""
    name, _, wanted_port = allowed.lower().partition(":")
    if wanted_port and wanted_port != str(port):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
