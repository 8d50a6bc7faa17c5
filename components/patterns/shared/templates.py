"""Templates of configuration files, as files beside the component that fills them in."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


def filled(package: str, template: str, /, **values: Any) -> str:
    """The text of a template; `package` is where it lies, a module's `__package__`. A value that is missing is an error."""
    return _environment(package).get_template(template).render(values)


@cache
def _environment(package: str) -> "jinja2.Environment":
    # a tenth of the time of importing this package, and many programs fill in no template
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["escaped"] = re.escape
    return environment
