"""What another pod finds at an address: the open ports, and what they answer. Prints one JSON object."""

import argparse
import asyncio
import json
import socket
import ssl
import time

PORTS = range(1, 65536)
WORKERS = 200
PATIENCE_SECONDS = 3.0
"""How long a port may take to accept or to refuse, and how long an answer may be silent."""


async def connects(address: str, port: int) -> bool | None:
    """Whether the port accepts a connection; None if it is silent."""
    with socket.socket() as connection:
        connection.setblocking(False)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(connection, (address, port)), PATIENCE_SECONDS)
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            return None
        return True


async def scan(address: str) -> dict[str, object]:
    """Every port of the address."""
    began = time.monotonic()
    left, found = iter(PORTS), dict[int, bool | None]()

    async def worker() -> None:
        for port in left:
            found[port] = await connects(address, port)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    assert len(found) == len(PORTS)
    return {
        "open": sorted(port for port, answer in found.items() if answer),
        "silent": sorted(port for port, answer in found.items() if answer is None),
        "seconds": round(time.monotonic() - began, 1),
    }


async def say(address: str, port: int, text: str) -> str:
    """What a port answers to the text, until it hangs up or falls silent; what went wrong, if nothing came before."""
    heard = b""
    try:
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(text.encode("latin-1"))
            await writer.drain()
            while data := await asyncio.wait_for(reader.read(65536), PATIENCE_SECONDS):
                heard += data
        finally:
            writer.close()
    except OSError as error:
        # a silence too
        return heard.decode("latin-1") or type(error).__name__
    return heard.decode("latin-1")


async def tls(address: str, port: int) -> str:
    """The version of TLS that a port speaks, or why it speaks none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port, ssl=context), PATIENCE_SECONDS)
    except OSError as error:
        return type(error).__name__
    version: str = writer.get_extra_info("ssl_object").version()
    writer.close()
    return version


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--say", type=json.loads, help="a list of [port, text], in place of a scan")
    parser.add_argument("--tls", type=int, nargs="*", default=[], help="ports to be greeted with TLS")
    arguments = parser.parse_args()
    address = arguments.address
    if arguments.say is None:
        print(json.dumps(await scan(address)))
        return
    answers = await asyncio.gather(*(say(address, port, text) for port, text in arguments.say))
    versions = await asyncio.gather(*(tls(address, port) for port in arguments.tls))
    print(json.dumps({"answers": answers, "tls": dict(zip(arguments.tls, versions, strict=True))}))


asyncio.run(main())
