"""Image references, as container runtimes read them."""

import pulumi


def mirrored(image: pulumi.Input[str], registry: str) -> pulumi.Input[str]:
    """The image in another registry: its own registry, if it names one, is replaced."""
    if not isinstance(image, str):
        known: pulumi.Output[str] = pulumi.Output.from_input(image)
        return known.apply(lambda plain: mirrored(plain, registry))
    host, slash, rest = image.partition("/")
    # the rule of container runtimes: the first part is a registry if it has a dot or a port, or is localhost
    named = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry}/{rest if named else image}"
