"""FetchInit: a large file from S3, Google Cloud Storage or the web, verified and in place before the app starts.

curl does the talking: it resumes, signs requests for S3 (--aws-sigv4) and for the S3-compatible interface of Google's storage, and follows
what web servers do; one small image for all three sources. rclone has the vendors' own identity code and fetches ranges in parallel. But
rclone 1.76 sends the pod's Google token on to a host that a redirect names, cannot fetch a URL with a query, nor a large file from a web
server without ranges, and starts anew when its container was killed.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import pulumi

from ..core import checks
from ..core.app import SecretKey
from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.identity import as_app
from ..core.patch import ConfigFiles, Connection, PodPatch
from ..core.plug import PatternArgs, describe
from ..core.quantities import amount, sized
from ..core.rules import FileName, Image, Label, ObjectName, Path, Pem, Positive, Quantity, Resources, Text
from ..core.view import PodView
from .shared.scripts import script

# no character that a signature has to escape
_SOURCE = re.compile(r"(?P<scheme>s3|gs)://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._~-]+)+")
_URL = re.compile(r"(?P<scheme>https)://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~%+=,:@-]+)+(\?[A-Za-z0-9._~%+=,:@/&-]*)?")
_ARCHIVE = re.compile(r"\.(tar\.gz|tgz|zip)$")
_ROOM = 16 * 2**20
"""What the volume may hold besides, in bytes: directories and notes, and blocks that are not full."""

_DIRECTORY = "/fetch"

_SCRIPT = script(__package__, "fetch_init.sh")

sha256_problems = checks.shaped("[0-9a-f]{64}", "64 hexadecimal digits, lower case")
Sha256 = Annotated[str, sha256_problems]
Region = Annotated[str, checks.shaped("[a-z0-9-]+", "letters, digits and '-', e.g. eu-central-1")]


@dataclass(frozen=True, kw_only=True)
class FetchInitArgs(PatternArgs):
    """Arguments of FetchInit."""

    source: pulumi.Input[Text]
    """`s3://bucket/key`, `gs://bucket/object` or `https://host/path`; keys of letters, digits and ._~-/. An interrupted fetch goes on where
    it was if the server knows ranges. The query of a URL is seen in the pod and its log, so it must hold no secret."""
    sha256: pulumi.Input[Sha256] | None = None
    """SHA-256 of the object, 64 hexadecimal digits, lower case. Default: None, which takes allow_unverified=True."""
    allow_unverified: bool = False
    """Accept an object without `sha256`. It is fetched once per volume: later changes at the source are not picked up. Default: False."""
    path: FileName | None = None
    """Name below mount_path: of the file or, with `unpack`, of the directory. Default: the last part of the source, without the
    archive's ending if it is unpacked; must be set if the source is an Output."""
    unpack: Literal["tar.gz", "zip"] | None = None
    """`tar.gz` or `zip`: the archive is unpacked. One that would write, or has links that lead, out of its directory is rejected.
    Default: None, it stays as it is."""
    mount_path: Path = "/fetched"
    """Where the app finds it, read-only. Default: /fetched."""
    size_limit: Quantity = "1Gi"
    """What may be fetched at most, with `unpack` archive and contents together: a larger object is rejected before the volume is
    full. Default: 1Gi."""
    persistent_volume_claim: pulumi.Input[ObjectName] | None = None
    """metadata.name of a PersistentVolumeClaim to keep it on: what is there is not fetched again. Several pods may share it; one of them
    fetches. Default: None, an emptyDir with that size limit."""
    volume_name: Label = "fetched"
    """Name of the volume. Default: fetched."""
    region: Region | None = None
    """For s3: region of the bucket, e.g. eu-central-1. Default: None, AWS_REGION of the pod's identity, or us-east-1."""
    endpoint: Text | None = None
    """For s3 and gs: URL of a server that is not the vendor's, e.g. https://minio.minio.svc:9000. Default: None."""
    allow_plaintext: bool = False
    """Whether a http:// endpoint other than loopback is accepted: whoever can read the network reads the object. Default: False."""
    access_key_id: SecretKey | None = None
    """For s3: id of a key; for gs: of an HMAC key. Default: None."""
    secret_access_key: SecretKey | None = None
    """That key. Default: None."""
    session_token: SecretKey | None = None
    """For s3: token of a temporary key. Default: None."""
    authorization: SecretKey | None = None
    """For https: value of the Authorization header, e.g. `Bearer ...`; not sent to another host to which the server redirects.
    Default: None."""
    workload_identity: bool = False
    """For s3 and gs: whether the pod's own identity is used: IRSA or EKS Pod Identity, GKE's workload identity. Without it and without a
    key the object must be public. Default: False."""
    service_account: pulumi.Input[ObjectName] | None = None
    """The pod's service account. Default: None, the namespace's `default`, or what another pattern sets."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed the server's, PEM. Default: None, the authorities that the image trusts."""
    timeout_seconds: Positive = 600
    """Seconds for all of it, before the container fails; the next one goes on where it stopped. Default: 600."""
    image: pulumi.Input[Image] = "curlimages/curl:8.12.1"
    """Image with curl 7.88 or later and BusyBox. Default: curlimages/curl:8.12.1."""
    container_name: Label = "fetch"
    """Default: fetch."""
    resources: Resources = sized("100m", "64Mi", "256Mi")
    """Requests and limits. Default: 100m, 64Mi to 256Mi."""

    def source_problems(self, source: str) -> list[str]:
        """What is wrong with a source, and with what else is set for it."""
        found = _SOURCE.fullmatch(source) or _URL.fullmatch(source)
        if not found or {".", ".."} & set(source.partition("?")[0].split("/")):
            return [f"source {source!r} is not allowed: s3://bucket/key, gs://bucket/object or https://host/path"]
        scheme = found["scheme"]
        allowed = {
            "endpoint": ("s3", "gs"),
            "region": ("s3",),
            "access_key_id": ("s3", "gs"),
            "secret_access_key": ("s3", "gs"),
            "session_token": ("s3",),
            "authorization": ("https",),
            "workload_identity": ("s3", "gs"),
        }
        return [
            f"{name} has no meaning for {scheme}://; remove it"
            for name, schemes in allowed.items()
            if getattr(self, name) not in (None, False) and scheme not in schemes
        ]

    def problems(self) -> list[str]:
        """What is wrong between the fields; a source or checksum that is an Output is looked at when it is known."""
        found = self.source_problems(self.source) if isinstance(self.source, str) else []
        if self.sha256 is None and not self.allow_unverified:
            found.append("sha256 is missing: set it, or allow_unverified=True to take whatever the source has")
        if self.path is None and not isinstance(self.source, str):
            found.append("path is missing: the source is an Output, so its name is not known")
        elif self.path is None and not found:
            found += checks.file_name("path", self.file_name())
        if self.endpoint is not None:
            found += checks.url("endpoint", self.endpoint, plaintext=self.allow_plaintext, risk="the network reads the object", bare=True)
        return found + self._credential_problems()

    def _credential_problems(self) -> list[str]:
        found = []
        if (self.access_key_id is None) != (self.secret_access_key is None):
            found.append("set both of access_key_id and secret_access_key, or neither")
        if self.session_token is not None and self.access_key_id is None:
            found.append("session_token belongs to a key; set access_key_id and secret_access_key")
        if self.workload_identity and self.access_key_id:
            found.append("workload_identity and a key exclude each other; remove one of them")
        return found

    def file_name(self) -> str:
        """Name of the file or directory below mount_path."""
        if self.path is not None:
            return self.path
        last = str(self.source).partition("?")[0].rpartition("/")[2]
        return _ARCHIVE.sub("", last) if self.unpack else last

    def _connections(self) -> tuple[Connection, ...]:
        """The server, and those that tell who the pod is."""
        region = self.region or "us-east-1"

        def server(source: str) -> str:
            vendors = {"s3": f"https://s3.{region}.amazonaws.com", "gs": "https://storage.googleapis.com"}
            return vendors.get(source.partition(":")[0], source)

        source, told = self.source, []
        known: pulumi.Output[str] = pulumi.Output.from_input(source)
        address = server(source) if isinstance(source, str) else known.apply(server)
        if self.workload_identity and not (isinstance(source, str) and source.startswith("gs:")):
            # the security token service, and the agent of EKS on the node
            told += [f"https://sts.{region}.amazonaws.com", "http://169.254.170.23"]
        if self.workload_identity and not (isinstance(source, str) and source.startswith("s3:")):
            # GKE's metadata server, in its two forms
            told += ["http://169.254.169.254", "169.254.169.252:988"]
        return (Connection(address=self.endpoint or address, awaited="answer"), *(Connection(address=a) for a in told))

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, the volume, and the app's mount of it."""
        limit = int(amount(self.size_limit))
        config = f"{self.volume_name}-config"
        plain = {
            "SOURCE": checks.when_known(describe(self), self.source, self.source_problems),
            "SHA256": "" if self.sha256 is None else checks.when_known(describe(self), self.sha256, partial(sha256_problems, "sha256")),
            "NAME": self.file_name(),
            "UNPACK": self.unpack or "",
            "LIMIT": str(limit),
            "TIMEOUT_SECONDS": str(self.timeout_seconds),
            "SHARED": "" if self.persistent_volume_claim is None else "1",
            "ENDPOINT": (self.endpoint or "").rstrip("/"),
            "REGION": self.region or "",
            "IDENTITY": "1" if self.workload_identity else "",
            "PROTOCOLS": "http" if (self.endpoint or "").startswith("http:") else "https",
            "CA_FILE": "" if self.ca_pem is None else f"{_DIRECTORY}/config/ca.crt",
        }
        secret = {
            "ACCESS_KEY_ID": self.access_key_id,
            "SECRET_ACCESS_KEY": self.secret_access_key,
            "SESSION_TOKEN": self.session_token,
            "AUTHORIZATION": self.authorization,
        }
        container = {
            "name": self.container_name,
            "image": self.image,
            "command": ["/bin/sh", "-c", _SCRIPT],
            "workingDir": f"{_DIRECTORY}/volume",
            "env": environment(plain, {name: key for name, key in secret.items() if key is not None}),
            "volumeMounts": [
                {"name": self.volume_name, "mountPath": f"{_DIRECTORY}/volume"},
                *([] if self.ca_pem is None else [{"name": config, "mountPath": f"{_DIRECTORY}/config", "readOnly": True}]),
            ],
            "resources": self.resources,
            "securityContext": as_app(pod),
        }
        kept = {"persistentVolumeClaim": {"claimName": self.persistent_volume_claim}}
        scratch = {"emptyDir": {"sizeLimit": str(limit + _ROOM)}}
        return PodPatch(
            init_containers=(container,),
            volumes=({"name": self.volume_name, **(scratch if self.persistent_volume_claim is None else kept)},),
            config_files=() if self.ca_pem is None else (ConfigFiles(name=config, files={"ca.crt": self.ca_pem}),),
            app_mounts=({"name": self.volume_name, "mountPath": self.mount_path, "readOnly": True},),
            service_account=() if self.service_account is None else (self.service_account,),
            connects=self._connections(),
        )


class FetchInit(PatternComponent[FetchInitArgs]):
    """An init container that fetches one object, verifies it, and puts it in place by a rename; the app mounts it read-only.

    An interrupted fetch goes on where it stopped, and what is there with the right checksum is not fetched again. Credentials are in the
    environment of this container alone, from Secrets.

    Raises ArgumentError.
    """
