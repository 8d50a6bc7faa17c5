"""Headers that tell an app who its client is and by which address it was reached: the outermost ambassador alone sets them."""

from functools import cache
from itertools import product

TRUSTING = {
    "X-Forwarded-For": "$forwarded_for",
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-Proto": "$forwarded_proto",
    "X-Forwarded-Host": "$forwarded_host",
    "X-Forwarded-Port": "$forwarded_port",
}
"""What an ambassador knows if it trusts proxies in front of it, and nginx's variable for it."""

UNKNOWN = (
    # RFC 7239, which says all of it once more
    "Forwarded",
    # the client, in the words of other proxies and content delivery networks
    "Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-Envoy-External-Address",
    "X-Original-Forwarded-For",
    "X-Forwarded",
    "X-Forwarded-By",
    # the outer address
    "Front-End-Https",
    "X-Forwarded-Protocol",
    "X-Forwarded-Scheme",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X-Host",
    "X-Original-Host",
    "X-Original-Proto",
    "X-Scheme",
    "X-Url-Scheme",
    # the path: frameworks that obey these serve another one than the ambassador looked at
    "X-Forwarded-Path",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Original-URI",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Script-Name",
    # the identity of the client, in the words of other proxies
    "Remote-User",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Name",
    "X-Remote-User",
    "X-Remote-Group",
    "X-Authenticated-User",
    "X-WebAuth-User",
    "SSL-Client-Verify",
    "SSL-Client-Subject-DN",
    "SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Cert",
)
"""What it never knows: empty, or as a trusted proxy says."""

CERTIFICATE = {
    "X-Client-Verify": "$ssl_client_verify",
    "X-Client-Subject": "$ssl_client_s_dn",
    "X-Forwarded-Client-Cert": "$client_certificate",
}
"""The identity in a client certificate."""

_TOKEN = ("User", "Email", "Groups", "Preferred-Username", "Access-Token")
TOKEN_ANSWERS = {f"token_{name.lower().replace('-', '_')}": f"x_auth_request_{name.lower().replace('-', '_')}" for name in _TOKEN}
"""Variables, and the headers of the validator's answer that they are set from."""

TOKEN = {
    **{f"X-Forwarded-{name}": f"${variable}" for name, variable in zip(_TOKEN, TOKEN_ANSWERS, strict=True)},
    # what other set-ups of the same validator send; apps that believe it must not believe a client
    **{f"X-Auth-Request-{name}": "" for name in _TOKEN},
}
"""The identity in a token."""

UNSAID = (*UNKNOWN, *CERTIFICATE, *TOKEN)
"""What the outermost ambassador empties, or passes on from a trusted proxy, unless it says it itself. An identity too: an app that believes
one ambassador's must not meet a client's own behind another that asks for none."""

# with `Upgrade`, the only header by which HTTP/1.1 could become another protocol
HOP = {"HTTP2-Settings": ""}


def of_client(outer_scheme: str) -> dict[str, str]:
    """The same if it trusts nobody: the client is who connects."""
    values = ("$remote_addr", "$remote_addr", outer_scheme, "$outer_host", "$outer_port")
    return dict(zip(TRUSTING, values, strict=True))


def trusted_variable(header: str) -> str:
    """The variable that holds a header if a trusted proxy sent it."""
    return f"$trusted_{header.lower().replace('-', '_')}"


def spellings(name: str) -> tuple[str, ...]:
    """The header, and behind it the spellings that many servers take for the same one."""
    first, *rest = name.split("-")
    return tuple(first + "".join(map("".join, zip(signs, rest, strict=True))) for signs in product("-_", repeat=len(rest)))


@cache
def directives(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The ends of the directives that set the headers to their values, and to nothing in every other spelling."""
    values = {spelled: "" for name, _ in headers for spelled in spellings(name)} | dict(headers)
    return tuple(f"{name} {value or repr('')};\n" for name, value in values.items())
