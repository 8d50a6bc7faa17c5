"""What names of Python are called in other languages."""

import re

_SNAKE = re.compile(r"\b[a-z][a-z0-9]*(_[a-z0-9]+)+\b")


def camel(name: str) -> str:
    """`validity_hours` is `validityHours`, and the kind `TlsAmbassador` the property `tlsAmbassador`."""
    first, *rest = name.split("_")
    return first[0].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)


def pascal(text: str) -> str:
    """`service_type` is `ServiceType`, and `tar.gz` is `TarGz`."""
    return "".join(part[0].upper() + part[1:] for part in re.split("[^A-Za-z0-9]+", text) if part)


def token_name(cls: type) -> str:
    """What a class of arguments is called: the languages put Args behind it themselves."""
    return {"InjectionItem": "Injection"}.get(cls.__name__, cls.__name__.removesuffix("Args"))


def said(text: str, names: frozenset[str]) -> str:
    """A docstring with the names of properties as other languages have them."""
    return _SNAKE.sub(lambda found: camel(found[0]) if found[0] in names else found[0], text)
