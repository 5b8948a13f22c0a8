"""A certificate is judged as an app would: key, dates, chain, name, and how long it lasts."""

from pathlib import Path

import pytest

from relayd.checks import Finding, certificate
from relayd.config import Server
from tests.certificates import Authority, openssl

pytestmark = pytest.mark.system

HOST = "relay.example.org"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def trusted(root: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine trust it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(root.certificate))


def judged(chain: Path, key: Path | None = None, host: str = HOST) -> Finding:
    """What is said of it."""
    key = key or chain.with_suffix(".key")
    server = Server(tls_certificate=chain, tls_key=key, public_url=f"https://{host}")
    (finding,) = certificate.judge(server)
    return finding


def test_a_good_one(root: Authority) -> None:
    """It is well, and the days that are left are told."""
    finding = judged(root.sign(HOST, days=(-1, 60.5)))
    assert finding.well, finding
    assert finding.detail.endswith("60 days left")
    assert not finding.remedy


def test_an_rsa_key(root: Authority) -> None:
    """It is well, but a handshake with it costs the event loop more than it need."""
    finding = judged(root.sign(HOST, key_type=("rsa:2048",)))
    assert finding.well
    assert "P-256" in finding.remedy


@pytest.mark.parametrize(
    ("days", "told"),
    [((-30, -1), "certificate has expired"), ((1, 30), "not yet valid"), ((-1, 9.5), "9 days")],
)
def test_dates(root: Authority, days: tuple[float, float], told: str) -> None:
    """Expired, not valid yet, and about to expire."""
    finding = judged(root.sign(HOST, days=days))
    assert not finding.well
    assert told in finding.detail
    assert finding.remedy.startswith("renew it")


def test_a_missing_link(root: Authority) -> None:
    """Browsers that know the authority in between would hide what apps stumble over."""
    between = root.intermediate("between")
    leaf = between.sign(HOST)
    assert "unable to get local issuer" in judged(leaf).detail
    assert "fullchain.pem" in judged(leaf).remedy
    chain = leaf.with_name("fullchain.pem")
    chain.write_text(leaf.read_text() + between.certificate.read_text())
    assert judged(chain, leaf.with_suffix(".key")).well


def test_an_authority_that_nobody_knows(tmp_path: Path) -> None:
    """Signed by itself, it is taken by nobody."""
    finding = judged(Authority.make(tmp_path).certificate, host="root")
    assert not finding.well
    assert finding.detail.startswith("apps won't trust")


def test_another_name(root: Authority) -> None:
    """The host that apps connect to has to stand in it; without a public_url nobody knows it."""
    leaf = root.sign(HOST)
    finding = judged(leaf, host="other.example.org")
    assert not finding.well
    assert "is not for other.example.org" in finding.detail
    nameless = Server(tls_certificate=leaf, tls_key=leaf.with_suffix(".key"))
    assert all(one.well for one in certificate.judge(nameless))


def test_the_key_of_another(root: Authority) -> None:
    """A pair that doesn't match."""
    leaf = root.sign(HOST)
    finding = judged(leaf, root.certificate.with_suffix(".key"))
    assert not finding.well
    assert "is not the key of the certificate" in finding.detail


def test_an_encrypted_key(root: Authority) -> None:
    """Nobody is asked for its password: a daemon has no terminal."""
    leaf = root.sign(HOST)
    locked = leaf.with_suffix(".locked")
    plain = leaf.with_suffix(".key")
    openssl("ec", "-aes256", "-passout", "pass:sesame", "-in", plain, "-out", locked)
    finding = judged(leaf, locked)
    assert not finding.well
    assert "unencrypted private key" in finding.detail


def test_no_pem(tmp_path: Path) -> None:
    """Files that hold something else."""
    (tmp_path / "c.pem").write_text("no PEM")
    finding = judged(tmp_path / "c.pem", tmp_path / "c.pem")
    assert not finding.well
    assert "can't be loaded" in finding.detail


def test_nothing_to_judge() -> None:
    """Without TLS there is nothing to say."""
    assert list(certificate.judge(Server())) == []
