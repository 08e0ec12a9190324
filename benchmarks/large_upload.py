"""How much memory does the web server take for an upload of 5 GB?

    python -m benchmarks.large_upload [--gigabytes 5]

One multipart upload of zeros, which are made as they are sent; against one of 10 MB before it.
"""

import argparse
from collections.abc import Iterator, Sequence

import httpx2

from benchmarks.null import ENVIRONMENT, NULL
from benchmarks.server import Server, started

_BOUNDARY = "a-boundary-of-the-benchmark"


def growth(server: Server, size: int) -> int:
    """Bytes by which the web server's memory grew at most in one upload of so many, against one of 10 MB before."""
    _upload(server, 10**7)
    with server.watched() as peaks:
        pass
    before = max(size for (name, _), size in peaks.items() if name == "web")
    with server.watched() as peaks:
        _upload(server, size)
    return max(size for (name, _), size in peaks.items() if name == "web") - before


def _upload(server: Server, size: int) -> None:
    """Zeros, as a form's file, written as they are made."""
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
    tail = f"\r\n--{_BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield part
        block = bytes(2**20)
        for begin in range(0, size, len(block)):
            yield block[: size - begin]
        yield tail

    headers = {
        "Authorization": f"Bearer {server.key}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(len(part) + size + len(tail)),
    }
    answer = httpx2.post(f"{server.running.url}/v1/jobs", content=body(), headers=headers, timeout=600)
    if answer.status_code != 202:
        raise SystemExit(f"the upload was answered {answer.status_code}: {answer.text}")
    with server.client() as client:
        client.delete(client.wait(answer.json()["id"])["id"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5)
    size = int(parser.parse_args(argv).gigabytes * 1e9)
    with started(model=NULL, SCRIPTORIUM_MAX_UPLOAD_BYTES=str(2 * size), **ENVIRONMENT) as server:
        print(f"an upload of {size / 1e9:g} GB: the web server grew by {growth(server, size) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
