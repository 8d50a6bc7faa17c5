"""The drawing: everything is in it, nothing lies on something else, and it is the same in every run."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

from components import Picture, picture
from components.core.pod import Pod
from components.core.pod_security import containers
from components.picture.layout import lay
from components.picture.sheet import NARROW, WIDE, Line, Rect, Sheet, Words, cut, spread
from components.picture.timeline import timeline
from tests.support.drawn import PROGRAMS, generated, workload

SVG = "{http://www.w3.org/2000/svg}"
THINGS = ("box", "gate", "chip", "caller", "remote")
GOLDEN = Path(__file__).parent / "goldens"


def texts(svg: str) -> str:
    """Everything that can be read in it."""
    root = ET.fromstring(svg)
    return "\n".join(element.text or "" for tag in ("text", "title", "desc") for element in root.iter(f"{SVG}{tag}"))


def overlaps(sheet: Sheet) -> list[tuple[Rect, Rect]]:
    return [(one, other) for one, other in combinations(sheet.rects(*THINGS), 2) if one.overlaps(other)]


def is_complete(pod: Pod, svg: str) -> None:
    """Every container, port and volume is there."""
    shown = texts(svg)
    words = set(re.findall(r"[^\s,:;()]+", shown))
    spec = pod.pod_spec({config.name: "x" for config in pod.config_files})
    assert {c["name"] for c in containers(spec)} <= words
    assert {volume["name"] for volume in spec["volumes"]} <= words
    for port in pod.ports:
        assert {port.name} <= words
        assert re.search(rf"\b{port.outer_number}\b", shown)
        assert re.search(rf"\b{port.number}\b", shown)
    for number in pod.health_ports:
        assert re.search(rf"\b{number}\b", shown)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_container_port_and_volume_is_drawn(name: str) -> None:
    is_complete(workload(name).pod, workload(name).picture().svg())


@pytest.mark.parametrize("seed", [1, 922845])
def test_whatever_is_composed_is_drawn_and_nothing_overlaps(seed: int) -> None:
    pods = generated(seed, 120)
    assert len(pods) > 15
    for pod in pods:
        drawn = picture(pod)
        is_complete(pod, drawn.svg())
        ET.fromstring(drawn.timeline())
        assert drawn.text().isascii() is False
        assert overlaps(lay(drawn.model)) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_overlaps_and_everything_is_on_the_sheet(name: str) -> None:
    for sheet in (lay(workload(name).picture().model), timeline(workload(name).pod)):
        assert overlaps(sheet) == []
        for shape in sheet.shapes:
            if isinstance(shape, Rect):
                assert shape.x >= 0
                assert shape.right <= sheet.width
                assert shape.bottom <= sheet.height
            if isinstance(shape, Line):
                assert all(0 <= x <= sheet.width and 0 <= y <= sheet.height for x, y in shape.points)


@pytest.mark.parametrize("name", PROGRAMS)
def test_words_stay_in_their_boxes(name: str) -> None:
    sheet = lay(workload(name).picture().model)
    for rect in sheet.rects("box", "caller", "remote", "gate", "chip"):
        for shape in sheet.shapes:
            if isinstance(shape, Words) and rect.x <= shape.x < rect.right and rect.y < shape.y < rect.bottom and shape.anchor == "start":
                width = len(shape.text) * (WIDE if shape.style == "name" else NARROW)
                assert shape.x + width <= rect.right, shape


def test_overlaps_are_seen() -> None:
    sheet = lay(workload("render").picture().model)
    box = sheet.rects("box")[0]
    sheet.add(Rect(x=box.right - 1, y=box.y, width=10, height=10, style="remote"))
    assert len(overlaps(sheet)) == 1


def test_light_and_dark_have_rules_for_everything() -> None:
    for svg in (workload("every").picture().svg(), workload("every").picture().timeline()):
        light, _, dark = svg.partition("@media (prefers-color-scheme:dark){")
        drawn = ET.fromstring(svg)
        styles = {element.get("class") for element in drawn.iter() if element.get("class")}
        for scheme in (light.partition("<style>")[2], dark.partition("}\n</style>")[0]):
            selectors = [
                set(re.findall(r"[\w-]+", part)) for line in re.findall(r"^([.\w,-]+)\{", scheme, re.M) for part in line.split(",")
            ]
            for style in styles:
                assert any(selector <= {*style.split(), "path"} and selector != {"path"} for selector in selectors), style


def test_it_has_a_title_and_a_description_for_who_cannot_see_it() -> None:
    root = ET.fromstring(workload("prod").picture().svg())
    assert (root.get("role"), root.get("aria-label")) == ("img", "The pod of podinfo")
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert root[1].text == (
        "wait-for: init step · WaitForInit, busybox:1.37\n"
        "nginx-proxy: sidecar · TlsAmbassador, nginx:1.28-alpine; listens on 9898 https mTLS on the pod address, 8081 http on the pod "
        "address, 8082 http on the pod address; asks podinfo at 9899\n"
        "redis-cache: sidecar · RedisCacheSidecar, redis:7.4-alpine; listens on 6379 on 127.0.0.1\n"
        "podinfo: the app, podinfo:6.14.1; listens on 9899 http on 127.0.0.1; asks redis-cache at 6379\n"
        "Volumes:\n"
        "nginx-proxy-certificate: nginx-proxy reads\n"
        "nginx-proxy-tmp: nginx-proxy writes\n"
        "nginx-proxy-config: nginx-proxy reads"
    )


def test_the_same_pod_is_the_same_picture() -> None:
    pod = workload("every").pod
    assert picture(pod).svg() == picture(pod).svg()
    assert picture(pod).timeline() == picture(pod).timeline()


def test_markup_in_names_is_text() -> None:
    pod = workload("bare").pod
    assert "a &lt;b&gt; &amp; c" in picture(pod, service="a <b> & c").svg()


@pytest.mark.parametrize("name", ["render", "prod", "every"])
def test_as_text_it_is_as_in_the_golden_file(name: str, request: pytest.FixtureRequest) -> None:
    path, text = GOLDEN / f"{name}.txt", workload(name).picture().text()
    if request.config.getoption("--rewrite-goldens"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "stale; write it anew with --rewrite-goldens"
    assert all(line == line.rstrip() for line in text.splitlines())


def test_before_and_after_stand_side_by_side() -> None:
    before, after = (Picture(workload(name).pod) for name in ("bare", "redirect"))
    root = ET.fromstring(after.after(before, "TLS"))
    titles = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "title"]
    assert titles == ["web before", "web with TrafficRedirectInit and TlsAmbassador"]
    (group,) = root.findall(f"{SVG}g[@transform]")
    assert float(group.get("transform", "").split("(")[1].split()[0]) > lay(before.model).width


def test_long_texts_keep_their_ends() -> None:
    assert cut("a-very-long-name-indeed", 10 * NARROW) == "a-ver…deed"
    assert cut("short", 10 * NARROW) == "short"


def test_things_move_down_only_as_far_as_they_must() -> None:
    assert spread([(10, 20), (15, 20), (100, 20)], 5) == [10, 35, 100]
    assert spread([(15, 20), (10, 20)], 5) == [35, 10]
