"""DER (X.690): the few types of ASN.1 that a keystore is made of."""


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE, and SEQUENCE OF."""
    return _tagged(0x30, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """SET OF, whose members DER puts in order."""
    return _tagged(0x31, b"".join(sorted(parts)))


def explicit(number: int, content: bytes) -> bytes:
    """[number] EXPLICIT."""
    return _tagged(0xA0 | number, content)


def integer(value: int) -> bytes:
    """INTEGER, not negative; its first bit is a sign."""
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return _tagged(0x04, value)


def null() -> bytes:
    """NULL."""
    return _tagged(0x05, b"")


def bmp_string(text: str) -> bytes:
    """BMPString."""
    return _tagged(0x1E, text.encode("utf-16-be"))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    found = b""
    for number in (40 * first + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | (number & 0x7F))
        found += bytes(reversed(digits))
    return _tagged(0x06, found)
