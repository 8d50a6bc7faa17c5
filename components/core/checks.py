"""Checks of single values: each returns a line for what is wrong with it, and nothing for a good one."""

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from . import quantities
from .errors import refuse

Check = Callable[[str, Any], list[str]]
"""Takes where a value stands and the value."""

# k8s.io/kubernetes/pkg/apis/core/validation: what a variable is read from, and the keys that are required
ENV_SOURCES = {
    "fieldRef": ("fieldPath",),
    "resourceFieldRef": ("resource",),
    "configMapKeyRef": ("name", "key"),
    "secretKeyRef": ("name", "key"),
    "fileKeyRef": ("volumeName", "path", "key"),
}
FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?"
)
_PLAIN = frozenset((str, int, bool, float, dict, list, tuple, type(None)))
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(?P<path>(/[A-Za-z0-9._~%@:+-]*)*)")


def is_plain(value: Any) -> bool:
    """False for an Output (or anything else that Pulumi only knows later)."""
    # nearly everything is one of these, and the others take long to find out
    return type(value) in _PLAIN or not (isinstance(value, pulumi.Output) or hasattr(value, "__await__"))


def when_known(where: str, value: pulumi.Input[str], problems: Callable[[str], Iterable[str]]) -> pulumi.Input[str]:
    """The value; an Output is rejected with ArgumentError as soon as it is known. What is plain was looked at before."""
    if isinstance(value, str):
        return value

    def check(known: str) -> str:
        refuse(where, problems(known))
        return known

    output: pulumi.Output[str] = pulumi.Output.from_input(value)
    return output.apply(check)


def shown(value: Any) -> str:
    """A value in messages; of an object of Python its class alone."""
    return f"(a {type(value).__name__})" if repr(value).startswith("<") else repr(value)


@dataclass(frozen=True)
class Shaped:
    """A check of a text that must match the whole pattern."""

    pattern: str
    """As JavaScript reads it, too: editors check by it."""
    rule: str
    """The same in words."""

    def __call__(self, what: str, value: Any) -> list[str]:
        """See Check."""
        if not is_plain(value):
            return [f"{what} must be a plain value, not an Output"]
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            return []
        return [f"{what} {shown(value)} is not allowed: {self.rule}"]


@dataclass(frozen=True)
class Whole:
    """A check of a whole number."""

    least: int
    most: int | None
    limit: int
    """The most where the rule need not say it."""

    def __call__(self, what: str, value: Any) -> list[str]:
        """See Check."""
        if not is_plain(value):
            return [f"{what} must be a plain value, not an Output"]
        least, most = self.least, self.most
        # a bool is an int
        if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
            rule = f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}"
            return [f"{what} {shown(value)} is not allowed: {rule}"]
        # longer ones cannot even be written
        return [f"{what} is not allowed: a whole number, {self.limit} at most"] if most is None and value > self.limit else []


@dataclass(frozen=True)
class Outlined:
    """A check that no pattern can say, with a pattern that everything matches which it accepts."""

    check: Check
    pattern: str

    def __call__(self, what: str, value: Any) -> list[str]:
        """See Check."""
        return self.check(what, value)


def shaped(pattern: str, rule: str) -> Shaped:
    """A check of a text that must match the whole pattern; `rule` says that in words."""
    return Shaped(pattern, rule)


def whole(least: int, most: int | None = None, *, limit: int = 2**31 - 1) -> Whole:
    """A check of a whole number; `limit` is the most where the rule need not say it (default: what 32 bits hold)."""
    return Whole(least, most, limit)


def outlined(pattern: str) -> Callable[[Check], Outlined]:
    """Of a check that no pattern can say: a pattern that everything matches which it accepts, for editors."""
    return lambda check: Outlined(check, pattern)


@dataclass(frozen=True)
class _NotRoot(Whole):
    """A check of a user or group id."""

    def __call__(self, what: str, value: Any) -> list[str]:
        """See Check."""
        root = value == 0 and value is not False
        return [f"{what} 0 is root: use another user id"] if root else super().__call__(what, value)


def _downwards(check: Shaped) -> Outlined:
    def both(what: str, value: Any) -> list[str]:
        found = check(what, value)
        return found or ([f"{what} {value!r} is not allowed: it must not contain '..'"] if ".." in value.split("/") else [])

    return Outlined(both, rf"(?!(.*/)?\.\.(/|$)){check.pattern}")


# RFC 1123 label: names of containers, volumes and namespaces (k8s.io/apimachinery validation.IsDNS1123Label)
label = shaped("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a-z, 0-9 and '-', 63 characters at most")
# RFC 1035 label: Service names (validation.IsDNS1035Label)
service_name = shaped("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", "a-z, 0-9 and '-', starting with a letter, 63 characters at most")
# RFC 1123 subdomain: names of most objects (validation.IsDNS1123Subdomain)
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*"
object_name = shaped(rf"(?=.{{1,253}}$){_SUBDOMAIN}", "a-z, 0-9, '-' and '.', 253 characters at most")
dns_name = shaped(rf"(\*\.)?{_SUBDOMAIN}", "a DNS name: a-z, 0-9, '-' and '.', with a leading '*.' at most")
# qualified names: keys of labels and annotations (validation.IsQualifiedName); values of labels (validation.IsValidLabelValue)
_QUALIFIED = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
qualified_name = shaped(
    rf"((?=[^/]{{1,253}}/){_SUBDOMAIN}/)?{_QUALIFIED}", "letters, digits and '-_.', with a domain and '/' in front at most"
)
label_value = shaped(f"({_QUALIFIED})?", "letters, digits and '-_.', 63 characters at most")
# IANA_SVC_NAME: container port names (validation.IsValidPortName), which also need one letter
port_name = shaped(
    r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", "a-z, 0-9 and single '-', one letter at least, 15 characters at most"
)
# what may stand in a path that ends up in nginx.conf, a shell script or a mount: no quotes, spaces, `$`, `;`, globs, control characters
path = _downwards(shaped("/[A-Za-z0-9._@%+=,/-]*", "an absolute path of letters, digits and ._@%+=,/-"))
relative_path = _downwards(shaped("[A-Za-z0-9._@%+=,-][A-Za-z0-9._@%+=,/-]*", "a relative path of letters, digits and ._@%+=,/-"))
# a program would take a leading '-' for an option
file_name = shaped("[A-Za-z0-9_@%+=][A-Za-z0-9._@%+=-]{0,252}", "a file name of letters, digits and ._@%+=-, not starting with '.' or '-'")
# `*` and `?` within a name; nothing that leaves the directory
file_glob = shaped("[A-Za-z0-9_@%+=*?-][A-Za-z0-9._@%+=*?-]{0,252}", "letters, digits, ._@%+=- and the wildcards * and ?")
# keys in the data of Secrets and ConfigMaps (validation.IsConfigMapKey)
data_key = shaped(r"(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}", "a key of letters, digits and '.', '_' and '-'")
# C_IDENTIFIER with the dots and dashes that Kubernetes allows in env names (validation.IsEnvVarName)
env_name = shaped("[-._a-zA-Z][-._a-zA-Z0-9]*", "letters, digits, '.', '_' and '-', not starting with a digit")
header_name = shaped("[A-Za-z0-9!#%&'*+.^_`|~-]{1,255}", "letters, digits and !#%&'*+.^_`|~-, 255 characters at most")
alpn_name = shaped("[A-Za-z0-9._/-]{1,64}", "letters, digits and ._/-, e.g. h2")
quantity = shaped(quantities.SHAPE.pattern, "a Kubernetes quantity such as 100m, 64Mi or 1.5")
# github.com/distribution/reference; the first part is a registry if it has a dot, a port or a capital letter, or is localhost
_DOMAIN = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = rf"((?=[^/]*[.:A-Z])({_DOMAIN}(\.{_DOMAIN})*|\[[0-9A-Fa-f:]+\])(:[0-9]+)?|localhost)"
_IMAGE_NAME = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
image = shaped(
    rf"({_REGISTRY}/)?{_IMAGE_NAME}(/{_IMAGE_NAME})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@(sha256:[0-9a-f]{{64}}|sha512:[0-9a-f]{{128}}))?",
    "an image reference such as registry.example.com/app:1.2",
)
# half a surrogate pair has no UTF-8
_CHARACTER = r"[^\0\ud800-\udfff]"
# the characters of an IPv4 or IPv6 address
_ADDRESS = "[0-9A-Fa-f.:]+"
text = shaped(f"{_CHARACTER}*", "text without NUL and lone surrogates")
some_text = shaped(f"{_CHARACTER}+", "text, not empty, without NUL and lone surrogates")
port = whole(1, 65535)
uid = _NotRoot(1, None, 2**31 - 1)


@outlined(r"(?![\s\S]*PRIVATE KEY)[\s\S]*-----BEGIN CERTIFICATE-----[\s\S]*")
def pem(what: str, value: str) -> list[str]:
    fine = "-----BEGIN CERTIFICATE-----" in value and "PRIVATE KEY" not in value and not text("", value)
    # without the value, which is long, and may be a private key
    return [] if fine else [f"{what} is not allowed: certificates in PEM, and nothing else"]


@outlined(_ADDRESS)
def address(what: str, value: Any) -> list[str]:
    try:
        # the scope behind a '%' may be any text at all
        fine = "%" not in str(ipaddress.ip_address(value))
    except ValueError:
        fine = False
    return [] if fine else [f"{what} {value!r} is not allowed: an IPv4 or IPv6 address"]


@outlined(f"{_ADDRESS}/[0-9]{{1,3}}")
def cidr(what: str, value: str) -> list[str]:
    try:
        fine = str(ipaddress.ip_network(value)) == value
    except ValueError:
        fine = False
    return [] if fine else [f"{what} {value!r} is not allowed: a range of addresses such as 10.0.0.0/8 or 2001:db8::/32"]


def url(what: str, value: str, *, plaintext: bool, risk: str, bare: bool = False) -> list[str]:
    """plaintext: whether http:// is fine for hosts other than loopback; risk: what happens then. bare: no path but /."""
    found = _URL.fullmatch(value)
    if not found or (bare and found["path"] not in ("", "/")):
        return [f"{what} {value!r} is not allowed: https://host, with a port{'' if bare else ' and a path'} at most"]
    if found["scheme"] == "http" and found["host"] not in _LOOPBACK and not plaintext:
        return [f"{what} {value!r} is not encrypted, so that {risk}; use https://, or set allow_plaintext=True"]
    return []


def one_of(what: str, value: Any, allowed: Iterable[Any]) -> list[str]:
    known = tuple(allowed)
    return [] if value in known else [f"{what} {shown(value)} is not allowed: one of {', '.join(map(str, known))}"]


def manifest(what: str, value: Any) -> list[str]:
    """Mappings, lists and scalars, Outputs at the leaves; a typed object of pulumi-kubernetes would hide what it holds."""
    if isinstance(value, Mapping):
        keys = [f"{what} key {shown(key)} is not allowed: text" for key in value if not isinstance(key, str)]
        keys += [line for key in value if isinstance(key, str) for line in text(f"{what} key", key)]
        return keys + [line for key, inner in value.items() for line in manifest(f"{what}.{key}", inner)]
    if isinstance(value, list | tuple):
        return [line for index, inner in enumerate(value) for line in manifest(f"{what}[{index}]", inner)]
    if isinstance(value, str):
        return text(what, value)
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{what} {value} is not allowed: a number that JSON has"]
    if value is None or isinstance(value, int | float) or not is_plain(value):
        return []
    return [f"{what} is not in manifest form, but a {type(value).__name__}; write it as in a manifest"]


def env_source(what: str, value: Mapping[str, Any]) -> list[str]:
    """`{"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}`, and other sources of a variable, as in a manifest."""
    source = value.get("valueFrom")
    if set(value) != {"valueFrom"} or not isinstance(source, Mapping) or len(source) != 1 or not set(source) <= set(ENV_SOURCES):
        return [f"{what} is not allowed: a text, or valueFrom with one of {', '.join(ENV_SOURCES)}, as in a manifest"]
    ((kind, reference),) = source.items()
    if not isinstance(reference, Mapping):
        return [f"{what}.valueFrom.{kind} must be a mapping"]
    path = reference.get("fieldPath")
    if isinstance(path, str) and not FIELD_PATH.fullmatch(path):
        return [f"{what}.valueFrom.fieldRef.fieldPath {path!r} is not a field that a variable can have, e.g. spec.nodeName, status.podIP"]
    missing = [f"{what}.valueFrom.{kind}.{key} is missing" for key in ENV_SOURCES[kind] if reference.get(key) in (None, "")]
    named = {"name": object_name} | ({"key": data_key} if kind in ("secretKeyRef", "configMapKeyRef") else {})
    given = {key: reference.get(key) for key in named}
    return missing or [
        line for key, text in given.items() if isinstance(text, str) for line in named[key](f"{what}.valueFrom.{kind}.{key}", text)
    ]


def resources(what: str, value: Any) -> list[str]:
    """`{"requests": {"cpu", "memory"}, "limits": {"memory"}}`; a memory limit and both requests are required."""
    if not isinstance(value, Mapping):
        return [f"{what} must be a mapping with requests and limits"]
    known = ("limits", "requests", "claims")
    found = [f"{what}.{key}: unknown key; known: {', '.join(known)}" for key in value if key not in known]
    given = {key: value.get(key) or {} for key in ("requests", "limits")}
    wrong = [f"{what}.{key} must be a mapping of quantities" for key, amounts in given.items() if not isinstance(amounts, Mapping)]
    if wrong:
        return found + wrong
    for key, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if name not in given[key]:
            found.append(f"{what}.{key}.{name} is missing")
    for key, amounts in given.items():
        for name, number in amounts.items():
            # a bool is an int
            found += quantity(f"{what}.{key}.{name}", str(number) if type(number) in (int, float) else number)
    return found or _requests(what, given["requests"], given["limits"])


def _requests(what: str, requests: Mapping[str, Any], limits: Mapping[str, Any]) -> list[str]:
    """Requests that the API rejects beside these limits: k8s.io/kubernetes/pkg/apis/core/validation.ValidateResourceRequirements."""
    found = []
    for name, number in requests.items():
        # devices and huge pages cannot be promised twice
        exact = ("/" in name and "kubernetes.io/" not in name) or name.startswith("hugepages-")
        if exact and (name not in limits or quantities.amount(limits[name]) != quantities.amount(number)):
            found.append(f"{what}.requests.{name} {number} needs a limit of the same amount; set limits.{name}, and leave the request out")
        elif name in limits and quantities.amount(number) > quantities.amount(limits[name]):
            found.append(f"{what}.requests.{name} {number} is more than its limit {limits[name]}; raise limits.{name}")
    return found
