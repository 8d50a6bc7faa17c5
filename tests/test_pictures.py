"""docs/pictures is as `make pictures` writes it."""

from components.declared.kinds import shipped
from tools.pictures import EXAMPLES, PICTURES, file_name, pictures


def test_every_pattern_has_a_picture_and_none_is_stale() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in PICTURES.iterdir()}
    wanted = pictures()
    assert set(there) == set(wanted) == {*map(file_name, shipped()), "elasticsearch.svg", "start-and-stop.svg"}
    assert [name for name, svg in wanted.items() if there[name] != svg] == [], "stale; `make pictures` writes them anew"


def test_every_example_is_of_a_pattern_that_there_is() -> None:
    assert set(EXAMPLES) == set(shipped())


def test_the_pictures_stay_small() -> None:
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert max(sizes.values()) < 16_000
    assert sum(sizes.values()) < 200_000
