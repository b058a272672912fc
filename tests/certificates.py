"""Certificates made for a test: authorities, and what they sign."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from assay.home import Home

LOCAL = "127.0.0.1"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _address(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `file` is what whoever believes it reads."""

    file: Path
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        made = cls(folder / f"{name}.pem", key)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        made._write(made.file, key.public_key(), name, basic, days=1)
        return made

    def issue(self, name: str, holder: str = LOCAL, *, days: float = 1) -> dict[str, Path]:
        """Files of a certificate for a host and its key; negative days: it has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        folder = self.file.parent
        certificate, private = folder / f"{name}.crt", folder / f"{name}.key"
        subject = x509.SubjectAlternativeName([_address(holder)])
        self._write(certificate, key.public_key(), holder, subject, days)
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return {"certificate": certificate, "key": private}

    def issue_joined(self, name: str, *, days: float = 1) -> Path:
        """The same in one file, as a client has it."""
        made = self.issue(name, name, days=days)
        made["key"].write_bytes(made["key"].read_bytes() + made["certificate"].read_bytes())
        return made["key"]

    def _write(
        self,
        file: Path,
        key: ec.EllipticCurvePublicKey,
        holder: str,
        extension: x509.ExtensionType,
        days: float,
    ) -> None:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(_name(holder))
            .issuer_name(_name(self.file.stem))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        file.write_bytes(built.sign(self.key, SHA256()).public_bytes(Encoding.PEM))


def lay_out(folder: Path) -> dict[str, Path]:
    """`tls` of the settings: a server's certificate, and one for the clients that it asks."""
    folder.mkdir(exist_ok=True)
    servers, people = Authority.make(folder, "servers"), Authority.make(folder, "people")
    return {
        **servers.issue("server"),
        "authority": servers.file,
        "clients": people.file,
        "client": people.issue_joined("assay"),
    }


def write_tls(home: Home, tls: dict[str, Path], **more: str) -> None:
    """Settings with these certificates."""
    lines = [f"{key}: {value}" for key, value in more.items()]
    lines += ["tls:", *(f"  {key}: {path}" for key, path in tls.items())]
    home.settings.write_text("\n".join([*lines, ""]))
