"""LogShipperSidecar as it is rendered, run by the real OpenTelemetry Collector."""

import contextlib
import signal
import subprocess

import pulumi

from components.core.app import App
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.testing import run
from tests.support.composing import composed, container
from tests.support.programs import need
from tests.support.waiting import within

APP = App(name="web", image="web:1")


class Shipper:
    """The container, which can be started again and again with the volumes as they are."""

    def __init__(self, directory, program, number, **args):
        self.program, self.logs, self.output = program, directory / "logs", directory / "output"
        self.starts = 0
        args = {"files": ("app.log",), "endpoint": f"http://127.0.0.1:{number}", **args}
        pod = composed(APP, lambda: LogShipperSidecar("logs", LogShipperSidecarArgs(directory="/var/log/web", **args)))
        sidecar = container(pod, "log-shipper")
        places = {mount["mountPath"]: directory / mount["name"].removeprefix("log-shipper-") for mount in sidecar["volumeMounts"]}
        files = {}
        (config,) = pod.config_files
        run(lambda: pulumi.Output.all(**config.files).apply(files.update))

        def placed(text):
            for path, place in places.items():
                text = text.replace(path, str(place))
            return text

        for place in places.values():
            place.mkdir(exist_ok=True)
        for name, content in files.items():
            (directory / "config" / name).write_text(placed(content))
        self.args = [placed(argument) for argument in sidecar["args"]]
        self.env = {e["name"]: e.get("value", f"the {e['name'].lower()}") for e in sidecar["env"]}
        self.process = None

    def start(self, **env):
        with self.output.open("ab") as output:
            self.process = subprocess.Popen([self.program, *self.args], env={**self.env, **env}, stdout=output, stderr=output)
        self.starts += 1
        within(20, self.reads)

    def reads(self):
        assert self.process.poll() is None, self.said()
        return self.said().count("Everything is ready") == self.starts

    def stop(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(30)

    def said(self):
        return self.output.read_text()

    def write(self, name, lines):
        with (self.logs / name).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


@contextlib.contextmanager
def shipping(directory, number, **args):
    shipper = Shipper(directory, need("otelcol"), number, **args)
    try:
        yield shipper
    finally:
        if shipper.process and shipper.process.poll() is None:
            shipper.stop()
