"""Certificates for tests, made with the openssl command: an authority, one below it, a server's."""

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import attrs

__all__ = ["Authority", "openssl"]

_CONFIGURATION = """
[ca]
default_ca = ours
[ours]
new_certs_dir = {directory}
database = {directory}/index
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
[server]
basicConstraints = CA:FALSE
"""


@attrs.frozen
class Authority:
    """Signs, in a directory of its own; certificates and keys are ``NAME.pem``, ``NAME.key``."""

    directory: Path
    name: str = "root"

    @classmethod
    def make(cls, directory: Path) -> "Authority":
        """A root that signed itself."""
        (directory / "index").touch()
        text = _CONFIGURATION.format(directory=directory)
        (directory / "openssl.cnf").write_text(text)
        root = cls(directory)
        root.sign("root", extensions="authority", itself=True)
        return root

    @property
    def certificate(self) -> Path:
        """Its own."""
        return self.directory / f"{self.name}.pem"

    def intermediate(self, name: str) -> "Authority":
        """An authority below this one."""
        self.sign(name, extensions="authority")
        return Authority(self.directory, name)

    def sign(
        self,
        name: str,
        *,
        days: tuple[float, float] = (-1, 90),
        extensions: str = "server",
        itself: bool = False,
        key_type: tuple[str, ...] = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    ) -> Path:
        """A certificate for this host name, valid from and until so many days from now."""
        request, key, made = (self.directory / f"{name}.{one}" for one in ("csr", "key", "pem"))
        openssl(
            *("req", "-new", "-newkey", *key_type, "-nodes"),
            *("-keyout", key, "-out", request, "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}"),
        )
        start, end = map(_moment, days)
        issuer = ("-selfsign",) if itself else ("-cert", self.certificate)
        openssl(
            *("ca", "-batch", "-notext", "-config", self.directory / "openssl.cnf"),
            *("-extensions", extensions, "-startdate", start, "-enddate", end, *issuer),
            *("-keyfile", self.directory / f"{self.name}.key", "-in", request, "-out", made),
        )
        return made


def openssl(*arguments: str | Path) -> None:
    """Run it."""
    program = shutil.which("openssl")
    assert program is not None, "the openssl command is needed to make a certificate"
    subprocess.run([program, *arguments], check=True, capture_output=True)  # noqa: S603 - no input from outside


def _moment(days: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
