"""What real programs say of what was generated: nginx and haproxy of their configurations, a shell of the scripts."""

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.clients import Authority
from tests.support.nginx_proxy import programs
from tests.support.programs import need

_UNSHARE = ("unshare", "--user", "--map-user=101", "--keep-caps", "--net")


@cache
def _authority() -> Authority:
    return Authority()


@cache
def _pair() -> tuple[str, str]:
    certificate = _authority().client("fuzz", server=True)
    return certificate.pem, certificate.key_pem


def refused(pod: Any) -> str:
    """What a program says against the files of a pod; empty if all accept them."""
    found = []
    for config in pod.config_files:
        if "nginx.conf" in config.files:
            found += [_nginx(dict(config.files), name) for name in ("nginx.conf", "health.conf")]
        if "haproxy.cfg" in config.files:
            found.append(_haproxy(dict(config.files)))
    return "\n".join(line for line in found if line)


def _nginx(files: dict[str, str], name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        certificate, key = _pair()
        ours = {"/certs/tls.crt": certificate, "/certs/tls.key": key, "/clients/client-ca.pem": _authority().pem}
        ours |= {"/etc/nginx-proxy/client-ca.pem": _authority().pem, "/revoked/client-crl.pem": _authority().crl()}
        given = {f"/etc/nginx-proxy/{file}": text for file, text in files.items() if isinstance(text, str)}
        for path, text in {**given, **ours}.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            text = re.sub(
                r"(?<= )(/tmp|/(?:etc/nginx-proxy|certs|clients|revoked))(?=/)", lambda at: folder + at[0].removeprefix("/tmp"), text
            )
            place.write_text(text.replace("daemon off;", ""))
        for number in range(1, 65536) if "listen-" in files[name] else ():
            if f"listen-{number}.conf" in files[name]:
                (root / f"listen-{number}.conf").write_text(f"listen 127.0.0.2:{number};\n")
        for program, content in programs().items():
            (root / program).write_bytes(content)
            (root / program).chmod(0o755)
        test = [*_UNSHARE, str(root / "nginx"), "-t", "-q", "-c", str(root / "etc/nginx-proxy" / name)]
        done = subprocess.run(test, capture_output=True, text=True, check=False, env={"PATH": f"{folder}:/usr/sbin:/usr/bin:/bin"})
        return f"nginx -t of {name}: {done.stderr.strip()}" if done.returncode else ""


def _haproxy(files: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        certificate, key = _pair()
        text = files["haproxy.cfg"]
        for word in [word for word in text.split() if word.startswith(("/etc/tls-tunnel/", "/run/tls-tunnel/"))]:
            place = root / word.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_authority().pem if word.endswith("ca.crt") else certificate)
            Path(f"{place}.key").write_text(key)
            text = text.replace(f" {word}", f" {place}")
        (root / "haproxy.cfg").write_text(text)
        done = subprocess.run([need("haproxy"), "-c", "-q", "-f", str(root / "haproxy.cfg")], capture_output=True, text=True, check=False)
        return f"haproxy -c: {done.stderr.strip() or done.stdout.strip()}" if done.returncode else ""
