"""ConfigReloadSidecar as it is rendered, run by BusyBox over volumes that change as the kubelet changes them."""

import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.core.app import App, Port
from components.patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from tests.support import containers
from tests.support.composing import composed, container
from tests.support.programs import need
from tests.support.servers import LOOPBACK, free_ports, serving
from tests.support.volumes import Volume
from tests.support.waiting import within

TOLD = "the files have changed; the app was notified\n"


class WebApp(ThreadingHTTPServer):
    """An app that notes how it is called, and what its file holds then; it answers with `answers`, and then with 204."""

    def __init__(self, number: int, file: Path, *answers: int) -> None:
        self.file, self.answers = file, list(answers)
        self.calls: list[tuple[str, str]] = []
        super().__init__((LOOPBACK, number), _WebHandler)


class _WebHandler(BaseHTTPRequestHandler):
    server: WebApp

    def do_POST(self) -> None:
        self.server.calls.append((self.requestline, self.server.file.read_text()))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class Sidecar:
    """The rendered container, run by BusyBox over the volume in `directory / "volume"`."""

    def __init__(self, directory: Path, container: Mapping[str, Any]) -> None:
        self.directory, state = directory, directory / "state"
        state.mkdir(exist_ok=True)
        # the mounts are directories of the test
        places = {"/state": str(state), "/watched": str(directory / "volume")}

        def placed(text: str) -> str:
            for mount, place in places.items():
                text = text.replace(mount, place)
            return text

        programs = directory / "programs"
        environment = {e["name"]: placed(e["value"]) for e in container["env"]}
        shell, *rest = (placed(word) for word in container["command"])
        assert shell == "/bin/sh"
        with (directory / "out").open("w") as out, (directory / "err").open("w") as err:
            self.process = subprocess.Popen(
                [str((programs if programs.exists() else containers.programs(programs)) / "sh"), *rest],
                env={"PATH": str(programs), **environment},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        probe = [placed(word) for word in container["startupProbe"]["exec"]["command"]]
        within(20, lambda: subprocess.run(probe, check=False).returncode == 0, "the startup probe")

    def out(self) -> str:
        return (self.directory / "out").read_text()

    def err(self) -> str:
        return (self.directory / "err").read_text()

    def printed(self, text: str) -> None:
        within(50, lambda: text in self.out(), f"{text!r} in {self.out()!r}; {self.err()!r}")

    def complained(self, text: str) -> None:
        within(50, lambda: text in self.err(), f"{text!r} in {self.err()!r}")


@contextmanager
def sidecar(directory: Path, number: int = 8080, **given: Any) -> Iterator[Sidecar]:
    """The container for these arguments, after its startup probe has succeeded."""
    how = {} if "reload_command" in given else {"reload_path": "/-/reload"}
    args = ConfigReloadSidecarArgs(**{"config_map": "app-config", "mount_path": "/etc/app", "debounce_seconds": 0, **how, **given})
    app = App(name="app", image="app:1", ports=(Port(name="http", number=number),))
    running = Sidecar(directory, container(composed(app, lambda: ConfigReloadSidecar("reload", args)), "config-reload"))
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def test_the_app_is_called_once_after_a_change_when_the_new_files_are_there(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    with serving(WebApp(number, volume.directory / "conf")) as app, sidecar(tmp_path, number) as running:
        time.sleep(2.5)
        # the content it starts with is nothing to tell
        assert app.calls == []
        volume.swap({"conf": "two"})
        running.printed(TOLD)
        time.sleep(2)
        assert app.calls == [("POST /-/reload HTTP/1.1", "two")]


def test_the_call_may_be_a_get(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    with (
        serving(WebApp(number, volume.directory / "conf")) as app,
        sidecar(tmp_path, number, reload_method="GET", reload_path="/a") as running,
    ):
        volume.swap({"conf": "two"})
        running.printed(TOLD)
        assert app.calls == [("GET /a HTTP/1.1", "two")]


def test_an_app_that_is_not_up_yet_is_neither_waited_for_nor_forgotten(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    # ready before the app listens, which would be a deadlock otherwise: the app starts after it
    with sidecar(tmp_path, number) as running:
        volume.swap({"conf": "two"})
        time.sleep(4)
        assert running.process.poll() is None
        with serving(WebApp(number, volume.directory / "conf")) as app:
            running.printed(TOLD)
            assert app.calls == [("POST /-/reload HTTP/1.1", "two")]
        assert running.err() == (
            "the files have changed, but the app could not be notified: wget exited with status 1 "
            "(wget: can't connect to remote host (127.0.0.1): Connection refused); retrying\n"
        )


def test_an_app_that_refuses_is_told_again_until_it_takes_the_files(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    with serving(WebApp(number, volume.directory / "conf", 500, 503)) as app, sidecar(tmp_path, number) as running:
        volume.swap({"conf": "two"})
        running.printed(TOLD)
        assert len(app.calls) == 3
        assert running.err() == (
            "the files have changed, but the app could not be notified: wget exited with status 1 "
            "(wget: server returned error: HTTP/1.0 500 Internal Server Error); retrying\n"
        )


def test_an_app_that_never_answers_is_given_up_after_a_while(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    release = threading.Event()

    class Hanging(WebApp):
        def process_request_thread(self, request: Any, client_address: Any) -> None:
            release.wait(20)
            super().process_request_thread(request, client_address)

    with serving(Hanging(number, volume.directory / "conf")), sidecar(tmp_path, number, reload_timeout_seconds=1) as running:
        volume.swap({"conf": "two"})
        running.complained("the files have changed, but the app could not be notified: wget exited with status 143; retrying\n")
        release.set()
        running.printed(TOLD)


def test_changes_that_follow_one_another_are_told_once(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="0"), free_ports(1)
    with serving(WebApp(number, volume.directory / "conf")) as app, sidecar(tmp_path, number, debounce_seconds=3) as running:
        for version in range(1, 5):
            volume.swap({"conf": str(version)})
            time.sleep(1.2)
        assert app.calls == []
        running.printed(TOLD)
        assert app.calls == [("POST /-/reload HTTP/1.1", "4")]


def test_a_swap_that_brings_nothing_new_is_not_told(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    with serving(WebApp(number, volume.directory / "conf")) as app, sidecar(tmp_path, number) as running:
        volume.swap({"conf": "one"})
        time.sleep(3)
        assert app.calls == []
        # a key that comes, and one that goes, are something new
        volume.swap({"conf": "one", "more": ""})
        running.printed(TOLD)
        volume.swap({"conf": "one"})
        running.printed(TOLD * 2)
        assert len(app.calls) == 2


def test_a_change_while_the_sidecar_is_down_is_told_when_it_is_back(tmp_path: Path) -> None:
    volume, number = Volume(tmp_path / "volume", conf="one"), free_ports(1)
    with serving(WebApp(number, volume.directory / "conf")) as app:
        with sidecar(tmp_path, number):
            pass
        volume.swap({"conf": "two"})
        with sidecar(tmp_path, number) as running:
            running.printed(TOLD)
            assert app.calls == [("POST /-/reload HTTP/1.1", "two")]


def test_a_command_is_run_with_its_arguments_as_they_are(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "volume", conf="one")
    flag = tmp_path / "a flag; `id` 'quoted'"
    with sidecar(tmp_path, reload_command=("touch", str(flag))) as running:
        volume.swap({"conf": "two"})
        running.printed(TOLD)
        assert flag.exists()


def test_a_command_that_fails_is_one_line_with_its_last_words(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "volume", conf="one")
    script = 'echo first; echo "no good \033[31m" >&2; exit 3'
    with sidecar(tmp_path, reload_command=("sh", "-c", script)) as running:
        volume.swap({"conf": "two"})
        running.complained("the files have changed, but the app could not be notified: sh exited with status 3 (no good [31m); retrying\n")


def test_on_sigterm_it_ends_at_once_and_well(tmp_path: Path) -> None:
    Volume(tmp_path / "volume", conf="one")
    with sidecar(tmp_path) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=30) == 0


CONFIG = """\
daemon off;
pid {home}/pid;
error_log {home}/error.log notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{version}"; }} }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[Volume, Any]]:
    """A real nginx whose nginx.conf is in the volume, and how to ask it."""
    port = free_ports(1)
    home = tmp_path / "nginx"
    home.mkdir()

    def conf(version: str) -> dict[str, str]:
        return {"nginx.conf": CONFIG.format(home=home, port=port, version=version)}

    volume = Volume(tmp_path / "volume", **conf("one"))
    process = subprocess.Popen([need("nginx"), "-e", f"{home}/error.log", "-c", str(volume.directory / "nginx.conf")])

    def ask() -> str:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=5) as answer:
            return str(answer.read().decode())

    try:
        within(10, lambda: (home / "pid").exists() and bool((home / "pid").read_text()), "nginx is up")
        yield volume, (conf, ask, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_real_nginx_takes_its_new_configuration_and_keeps_the_old_one_when_the_new_is_wrong(tmp_path: Path, nginx: Any) -> None:
    volume, (conf, ask, pid) = nginx
    # a command of the app's own kind; within one container, as here, it may send a signal
    reload = f"{need('nginx')} -t -q -e stderr -c {volume.directory}/nginx.conf && kill -HUP {pid}"
    with sidecar(tmp_path, reload_command=("sh", "-c", reload)) as running:
        assert ask() == "one"
        volume.swap(conf("two"))
        running.printed(TOLD)
        within(10, lambda: ask() == "two", "the new configuration")
        volume.swap({"nginx.conf": "nonsense;"})
        running.complained("could not be notified: sh exited with status 1 (")
        assert ask() == "two"
        volume.swap(conf("three"))
        running.printed(TOLD * 2)
        within(10, lambda: ask() == "three", "the new configuration")
