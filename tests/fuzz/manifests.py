"""What Kubernetes asks of a pod: its schema, and what the API server looks at besides (k8s.io/kubernetes/pkg/apis/core/validation)."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import kubernetes_validate
import yaml

from components.offline import rendering

_LABEL = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ENV = re.compile("[-._a-zA-Z][-._a-zA-Z0-9]*")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_PORT_NAME = re.compile("(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]*)?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?|\.[0-9]+.*")


@cache
def _validator(version: str) -> jsonschema_rs.Validator:
    """Of that version, or the nearest that there is."""
    newest = ".".join(kubernetes_validate.latest_version().split(".")[:2])
    numbers = (tuple(map(int, v.split("."))) for v in (version, "1.25", newest))
    version = ".".join(map(str, sorted(numbers)[1]))
    folder = resources.files(kubernetes_validate) / "kubernetes-json-schema" / f"v{version}.0-local-strict" / "_definitions.json"
    definitions = json.loads(folder.read_text().replace("/api/_definitions.json#", "#"))["$defs"]
    return jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/io.k8s.api.core.v1.PodSpec", "$defs": definitions})


def problems(spec: Mapping[str, Any], version: str, owned: set[str], given: Callable[[list[Any]], bool]) -> Iterator[str]:
    """What is wrong with a PodSpec. `owned`: the containers that this package writes. given: whether what stands at a path is the user's,
    in manifest form, and passed on as it is."""
    plain = json.loads(json.dumps(spec))
    for error in _validator(version).iter_errors(plain):
        if not given(list(error.instance_path)):
            yield f"schema: {error.instance_path}: {error.message[:300]}"
    if yaml.load(rendering._text({"spec": plain}), Loader=yaml.CSafeLoader) != {"spec": plain}:
        yield "YAML: it does not read back as it is"
    containers = [*plain.get("initContainers", ()), *plain["containers"]]
    yield from _names(plain, containers, given)
    for container in containers:
        for line in _container(container, container["name"] in owned):
            yield f"container {container['name']!r}: {line}"
    if len(json.dumps(plain)) > 1_000_000:
        yield "it is larger than what etcd holds"


def _names(spec: Mapping[str, Any], containers: list[Any], given: Callable[[list[Any]], bool]) -> Iterator[str]:
    volumes = [volume["name"] for volume in spec.get("volumes", ())]
    for what, names in (("container", [c["name"] for c in containers]), ("volume", volumes)):
        yield from (f"{what} name {name!r} is no label" for name in names if not _LABEL.fullmatch(name))
        yield from (f"{what} name {name!r} is there twice" for name, count in Counter(names).items() if count > 1)
    ports = Counter((p["containerPort"], p.get("protocol", "TCP")) for c in containers for p in c.get("ports", ()))
    yield from (f"port {port} is declared twice" for port, count in ports.items() if count > 1)
    mounted = {mount["name"] for c in containers for mount in c.get("volumeMounts", ())}
    yield from (f"volume {name!r} is not there" for name in mounted - set(volumes))
    for index, volume in enumerate(spec.get("volumes", ())):
        yield from (f"volume {volume['name']!r}: {line}" for line in _volume(volume) if not given(["volumes", index]))


def _volume(volume: Mapping[str, Any]) -> Iterator[str]:
    for kind, key in (("secret", "secretName"), ("configMap", "name"), ("persistentVolumeClaim", "claimName")):
        name = (volume.get(kind) or {}).get(key)
        if name is not None and not _SUBDOMAIN.fullmatch(name):
            yield f"{kind}.{key} {name!r} is no name"
        for item in (volume.get(kind) or {}).get("items", ()):
            if not re.fullmatch("[-._a-zA-Z0-9]{1,253}", item["key"]):
                yield f"key {item['key']!r}"
            yield from (f"item: {line}" for line in _relative(item["path"]))
    limit = (volume.get("emptyDir") or {}).get("sizeLimit")
    if limit is not None and not _QUANTITY.fullmatch(str(limit)):
        yield f"sizeLimit {limit!r} is no quantity"


def _relative(path: str) -> Iterator[str]:
    if path.startswith("/") or ".." in path.split("/") or not path:
        yield f"path {path!r} is not below its directory"


def _container(container: Mapping[str, Any], ours: bool) -> Iterator[str]:
    variables = [variable["name"] for variable in container.get("env", ())]
    yield from (f"env name {name!r}" for name in variables if not _ENV.fullmatch(name))
    yield from (f"env {name!r} is there twice" for name, count in Counter(variables).items() if count > 1)
    for variable in container.get("env", ()):
        if "\0" in variable.get("value", ""):
            yield f"env {variable['name']!r} has a NUL"
        for kind in ("secretKeyRef", "configMapKeyRef"):
            reference = variable.get("valueFrom", {}).get(kind)
            if reference and not _SUBDOMAIN.fullmatch(reference["name"]):
                yield f"env {variable['name']!r}: {kind}.name {reference['name']!r} is no name"
    for word in (*container.get("command", ()), *container.get("args", ())):
        if "\0" in word:
            yield f"NUL in {word!r}"
    paths = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
    yield from (f"mountPath {path!r} is there twice" for path, count in Counter(map(posixpath.normpath, paths)).items() if count > 1)
    for mount in container.get("volumeMounts", ()):
        path = mount["mountPath"]
        if not path.startswith("/") or ":" in path or ".." in path.split("/") or posixpath.normpath(path) in ("/", "//"):
            yield f"mountPath {path!r} cannot be mounted"
        if mount.get("subPath"):
            yield from _relative(mount["subPath"])
    for port in container.get("ports", ()):
        if not 1 <= port["containerPort"] <= 65535 or ("name" in port and not _PORT_NAME.fullmatch(port["name"])):
            yield f"port {port!r}"
    if ours:
        yield from (f"{key} is missing" for key in ("securityContext", "resources", "image") if not container.get(key))


def labelled(pairs: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the keys of annotations or labels."""
    yield from (f"key {key!r} of an annotation or label" for key in pairs if not _KEY.fullmatch(key))
