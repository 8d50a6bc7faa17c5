"""SysctlInit: the rendered script, run by the real shells over a /proc/sys of their own."""

import subprocess

import pytest

from components.core.app import App
from components.patterns.sysctl_init import SysctlInit, SysctlInitArgs
from tests.support.composing import composed, container
from tests.support.programs import need

# a mount namespace of its own, in which $1 is /proc/sys; `$2` more to do; then the script by the shell
_IN_NAMESPACE = 'mount --bind "$1" /proc/sys && eval "$2" && shift 2 && exec "$@"'


@pytest.fixture(params=["busybox", "dash"])
def shell(request):
    """The command that runs a script like the image's /bin/sh."""
    return [need("busybox"), "sh"] if request.param == "busybox" else [need("dash")]


class Node:
    """A node's settings, and the script run on it."""

    def __init__(self, shell, root):
        self.shell, self.root = shell, root

    def set(self, name, value):
        file = self.root / name.replace(".", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")

    def get(self, name):
        return (self.root / name.replace(".", "/")).read_text().strip()

    def run(self, settings, *, before="true"):
        pod = composed(App(name="app", image="app:1"), lambda: SysctlInit("sysctl", SysctlInitArgs(sysctls=settings)))
        _, *words = container(pod, "update-sysctl")["command"]
        inside = ["sh", "-c", _IN_NAMESPACE, "sh", str(self.root), before, *self.shell, *words]
        return subprocess.run([need("unshare"), "--mount", *inside], capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def node(shell, tmp_path):
    allowed = subprocess.run([need("unshare"), "--mount", "mount", "--bind", "/tmp", "/proc/sys"], check=False, capture_output=True)
    if allowed.returncode:
        pytest.skip("this user may not mount over /proc/sys in a namespace; as root it is run")
    root = tmp_path / "sys"
    root.mkdir()
    return Node(shell, root)


def test_a_lower_value_is_raised(node):
    node.set("vm.max_map_count", 65530)
    done = node.run({"vm.max_map_count": 262144})
    assert (done.returncode, done.stdout, done.stderr) == (0, "vm.max_map_count: raised from 65530 to 262144\n", "")
    assert node.get("vm.max_map_count") == "262144"


@pytest.mark.parametrize("value", [262144, 1048576, 9223372036854775807])
def test_an_equal_or_higher_value_is_left_alone(node, value):
    node.set("vm.max_map_count", value)
    done = node.run({"vm.max_map_count": 262144})
    said = f"vm.max_map_count: is {value}, which is at least 262144; left unchanged\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert node.get("vm.max_map_count") == str(value)


def test_without_privileges_it_fails_and_says_so(node):
    node.set("vm.max_map_count", 65530)
    # what any container but a privileged one finds
    done = node.run({"vm.max_map_count": 262144}, before="mount -o remount,bind,ro /proc/sys")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "vm.max_map_count: is 65530 and could not be raised to 262144: "
        "the kernel allows no higher value, or the container is not privileged and root\n"
    )
    assert node.get("vm.max_map_count") == "65530"


def test_an_unknown_setting_fails_and_the_others_are_raised_nevertheless(node):
    node.set("vm.max_map_count", 65530)
    done = node.run({"vm.no_such": 1, "vm.max_map_count": 262144})
    assert done.returncode == 1
    assert "vm.no_such: this kernel has no such setting\n" in done.stderr
    assert node.get("vm.max_map_count") == "262144"


def test_a_setting_of_several_numbers_is_not_touched(node):
    node.set("kernel.sem", "32000\t1024000000\t500\t32000")
    done = node.run({"kernel.sem": 64000})
    assert done.returncode == 1
    assert done.stderr == "kernel.sem: the current value '32000\t1024000000\t500\t32000' is not a whole number, so it cannot be raised\n"
    assert node.get("kernel.sem") == "32000\t1024000000\t500\t32000"


# BusyBox would prefer its own cat to the one on the PATH
@pytest.mark.parametrize("shell", ["dash"], indirect=True)
def test_a_kernel_that_takes_less_than_it_is_told_is_found_out(tmp_path, node):
    node.set("vm.max_map_count", 65530)
    # reads back 100000 at most, as if the kernel had limited it
    programs = tmp_path / "programs"
    programs.mkdir()
    cat = programs / "cat"
    cat.write_text('#!/bin/sh\nread -r value <"$1"\n[ "$value" -le 100000 ] || value=100000\necho "$value"\n')
    cat.chmod(0o755)
    done = node.run({"vm.max_map_count": 262144}, before=f"PATH={programs}:$PATH")
    assert done.returncode == 1
    assert done.stderr == (
        "vm.max_map_count: is 100000 and could not be raised to 262144: "
        "the kernel allows no higher value, or the container is not privileged and root\n"
    )
