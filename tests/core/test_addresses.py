"""Addresses as patterns name them."""

import pytest

from components.core.addresses import Address, parsed


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("db.prod.svc:5432", "db.prod.svc", 5432, False),
        ("[2001:db8::1]:53", "2001:db8::1", 53, False),
        ("https://vault.vault.svc", "vault.vault.svc", 443, False),
        ("http://[::1]/x:7", "::1", 80, True),
        ("http://127.0.0.2:8080/a?b", "127.0.0.2", 8080, True),
        ("rediss://cache.example.com/0", "cache.example.com", 6379, False),
        ("s3://bucket/key", "bucket", 0, False),
        ("localhost:1", "localhost", 1, True),
    ],
)
def test_where_a_server_is(text: str, host: str, port: int, is_loopback: bool) -> None:
    address = parsed(text)
    assert address == Address(host=host, port=port)
    assert address.is_loopback is is_loopback


def test_what_is_none_is_none() -> None:
    assert parsed("") is None
