"""What a file states, before it is made."""

from ..certificates import CertificateAuthority, CertificateAuthorityArgs


class Stated(CertificateAuthority):
    """Stands for the authority until it is made, while what its leaves ask for is looked at; it is never registered."""

    def __init__(self, args: CertificateAuthorityArgs) -> None:
        self._args = args
