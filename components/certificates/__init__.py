"""Certificates made by pulumi-tls and kept in the stack's state: a self-signed leaf, or an authority that issues leaves.

An ordinary `pulumi up` renews them once they are due, and nothing else does. The key stays, so whoever trusts the old certificate of an
authority also verifies what the renewed one signs, until the old one ends.
"""

from .arguments import (
    CertificateArgs as CertificateArgs,
    CertificateAuthorityArgs as CertificateAuthorityArgs,
    ClientCertificateArgs as ClientCertificateArgs,
    ServerCertificateArgs as ServerCertificateArgs,
)
from .authority import (
    CertificateAuthority as CertificateAuthority,
    IssuedCertificate as IssuedCertificate,
    server_certificate as server_certificate,
)
from .certificate import Certificate as Certificate, SelfSignedCertificate as SelfSignedCertificate, bundle as bundle
