"""VaultSecret: one file made of what Vault answers to a read."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from ...core import checks
from ...core.rules import FileName, Text
from .vault_read import API, API_ADDED, VaultFile, VaultRead, untrimmed_path

_Path = Annotated[str, untrimmed_path]
VaultField = Annotated[str, checks.shaped("[A-Za-z0-9_.@+-]+", "letters, digits and _.@+-")]

# engines that are not KV are usually mounted under their own name, or under one that begins with it
_NOT_KV = re.compile("(ad|alicloud|aws|azure|consul|database|gcp|ldap|mongodbatlas|nomad|openldap|pki|rabbitmq|terraform)([_/-].*)?")
_CREDENTIALS = re.compile("(creds|static-creds?|sts)/.+")
_LEASED = re.compile("(creds|sts)/.+")
_USUAL_MOUNTS = ("secret", "kv")
_PARTS = {"data": "kv_version=2 adds data/", "metadata": "metadata/ has no values"}
# what PKI answers to a write alone; the role says which issuer it is
_ISSUED = re.compile("(issuer/[^/]+/)?(issue|sign|sign-verbatim)/(?P<role>.+)")
# other engines, and what they answer to a write alone
_WRITTEN = {
    "transit": re.compile("(encrypt|decrypt|rewrap|sign|verify|hmac|hash|random|datakey)(/.*)?"),
    "ssh": re.compile("(creds|sign|issue)/.+"),
    "auth": re.compile("token/create.*"),
}

# consul-template: a value as text, JSON if it is none; a name that a shell accepts; the text quoted for one
_TEXT = '{{ $text := sprig_toString $v }}{{ if not (sprig_kindIs "string" $v) }}{{ $text = toUnescapedJSON $v }}{{ end }}'
_SHELL_NAME = (
    '{{ if not (regexMatch "^[A-Za-z_][A-Za-z0-9_]*$" $name) }}{{ sprig_fail (printf "no variable name: field %s." $name) }}{{ end }}'
)
_QUOTED = """'{{ $text | replaceAll "'" "'\\\\''" }}'"""


@dataclass(frozen=True, kw_only=True)
class VaultSecret:
    """One file made of one secret, by exactly one of `field`, `format` and `template`. Files of the same secret are made of one read, and
    always belong together: user name and password of a database."""

    path: _Path
    """Path of the secret in its mount, without the `data/` of KV v2, e.g. my-secret."""
    file: FileName
    """Name of the file below mount_path."""
    field: VaultField | None = None
    """The file is this field's value and nothing else, no newline added; a value that is not text is written as JSON. Default: None."""
    format: Literal["json", "env"] | None = None
    """`json`: all fields as one JSON object; `env`: a line NAME='value' for each, quoted for a POSIX shell. Default: None."""
    template: Text | None = None
    """consul-template text; the fields are in the dot: `{{ .username }}:{{ .password }}`. A field that is missing is an error.
    Default: None."""
    mount: _Path = "secret"
    """Mount of the engine. Default: secret."""
    kv_version: Literal[1, 2] | None = 2
    """Version of the KV engine, 1 or 2; None for another engine that answers a read, e.g. mount database and path creds/app. Default: 2."""
    mode: Literal["0400", "0440"] = "0400"
    """Mode of the file, which belongs to the app's uid: 0400, or 0440 for the pod's group too. Default: 0400."""

    @property
    def api_path(self) -> str:
        """Where Vault's API has it."""
        return f"{self.mount}/data/{self.path}" if self.kv_version == 2 else f"{self.mount}/{self.path}"

    @property
    def files(self) -> tuple[str]:
        """The name of the file."""
        return (self.file,)

    @property
    def is_leased(self) -> bool:
        """Whether Vault, as far as its path says, leases what it answers."""
        _, path, kv_version, _ = self._meant()
        return kv_version is None and bool(_LEASED.fullmatch(path))

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = ["set exactly one of field, format and template"] if [self.field, self.format, self.template].count(None) != 2 else []
        if not untrimmed_path("mount", self.mount) and not untrimmed_path("path", self.path):
            found += self._slips()
        return found

    def read(self) -> VaultRead:
        """The read, and its file."""
        file = VaultFile(name=self.file, mode=self.mode, text=self._text())
        return VaultRead(path=self.api_path, fields=".Data.data" if self.kv_version == 2 else ".Data", files=(file,))

    def _slips(self) -> list[str]:
        """The line for a path that is not what it should be, with the right form."""
        mount, path, kv_version, why = self._meant()
        right = f"path={path!r}, mount={mount!r}" + ("" if kv_version == self.kv_version else f", kv_version={kv_version}")
        issued = _ISSUED.fullmatch(path) if _NOT_KV.fullmatch(mount) else None
        written = _WRITTEN.get(re.split("[_/-]", mount)[0])
        if issued:
            why.append("a certificate is issued, not read")
            right = f"certificates=[VaultCertificate(mount={mount!r}, role={issued['role']!r}, common_name=...)]"
        elif kv_version is None and written and written.fullmatch(path):
            return [f"path {self.path!r} in mount {self.mount!r} is not allowed: Vault answers it to a write alone; let the app ask for it"]
        return [f"path {self.path!r} in mount {self.mount!r} is not allowed: {' and '.join(why)}; write {right}"] if why else []

    def _meant(self) -> tuple[str, str, int | None, list[str]]:
        """Mount, path and kv_version as they probably are meant, and why they are not what they are."""
        mount, path, kv_version = self.mount.strip("/"), self.path.strip("/"), self.kv_version
        why = [] if (mount, path) == (self.mount, self.path) else ["path and mount must not have '/' at an end"]
        if mount.startswith(API):
            mount = mount.removeprefix(API)
            why.append(API_ADDED)
        if path.startswith(API) and _mount_in(path.removeprefix(API), mount, kv_version):
            # a folder may be called v1
            path = path.removeprefix(API)
            why.append(API_ADDED)
        for part, reason in _PARTS.items():
            if kv_version == 2 and mount.endswith(f"/{part}"):
                mount = mount.removesuffix(f"/{part}")
                why.append(reason)
        twice = _mount_in(path, mount, kv_version)
        if twice:
            mount, path = twice, path.removeprefix(f"{twice}/")
            why.append("path must not hold the mount")
        for part, reason in _PARTS.items():
            # so may a folder be called metadata
            if kv_version == 2 and path.startswith(f"{part}/") and (twice or part == "data"):
                path = path.removeprefix(f"{part}/")
                why.append(reason)
        if kv_version is not None and _NOT_KV.fullmatch(mount) and _CREDENTIALS.fullmatch(path):
            kv_version = None
            why.append("the engine is not KV")
        return mount, path, kv_version, list(dict.fromkeys(why))

    def _text(self) -> str:
        """The consul-template text of the file; the fields are in the dot."""
        no_field = f'{{{{ sprig_fail "no field {self.field or "at all"} in {self.api_path}" }}}}'
        if self.field is not None:
            # `index` of a field that is missing is no error, whatever error_on_missing_key says
            missing = f'{{{{ if not (sprig_hasKey . "{self.field}") }}}}{no_field}{{{{ end }}}}'
            return f'{missing}{{{{ $v := index . "{self.field}" }}}}{_TEXT}{{{{ $text }}}}'
        if self.format == "json":
            return "{{ . | toUnescapedJSON }}\n"
        if self.format == "env":
            return f"{{{{ range $name, $v := . }}}}{_SHELL_NAME}{_TEXT}{{{{ $name }}}}={_QUOTED}\n{{{{ end }}}}"
        return f"{{{{ with . }}}}{self.template}{{{{ else }}}}{no_field}{{{{ end }}}}"


def _mount_in(path: str, mount: str, kv_version: int | None) -> str | None:
    """The mount with which the path begins. In a mount with a name of its own, a folder may have the same name."""
    if kv_version == 2:
        in_api = next((name for name in (mount, *_USUAL_MOUNTS) if path.startswith(tuple(f"{name}/{part}/" for part in _PARTS))), None)
        if in_api:
            return in_api
    is_one = mount in _USUAL_MOUNTS or kv_version is None or _NOT_KV.fullmatch(mount)
    return mount if is_one and path.startswith(f"{mount}/") else None
