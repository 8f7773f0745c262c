"""A door in front of a server: names of its own for videos, and a proxy that ends TLS.

With it a program that talks to a host on the internet, over TLS, talks to a server on this machine.
"""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def certificate(host, folder):
    """Make a certificate for a host that whoever is told so trusts; return its file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    file = folder / f"{host}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", str(file), "-out", str(folder / "certificate")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes(file.read_bytes() + (folder / "certificate").read_bytes())
    return file


class Front:
    """Hands connections on to a port of this machine; `names` are put in the place of others."""

    def __init__(self, port, *, names=None, certificate=None):
        self._port = port
        self._names = {f"/{old}".encode(): f"/{new}".encode() for old, new in (names or {}).items()}
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.hosts = set()  # that somebody wanted to be connected to
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), contextlib.ExitStack() as ends:
            ends.callback(client.close)
            if self._tls is not None:
                self.hosts.add(client.recv(65536).split()[1].decode())
                client.sendall(_CONNECTED)
                client = self._tls.wrap_socket(client, server_side=True)
                ends.callback(client.close)
            server = ends.enter_context(socket.create_connection(("127.0.0.1", self._port)))
            back = threading.Thread(target=_copy, args=(server, client, {}), daemon=True)
            back.start()
            _copy(client, server, self._names)
            back.join()


def _copy(source, target, names):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            for old, new in names.items():
                data = data.replace(old, new)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
