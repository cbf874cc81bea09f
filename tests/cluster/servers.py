"""What GradeBench needs of others, each on a machine of its own: database, broker, proxy, and the upstream here."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import quote

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.network import HERE, RANGE, WORK, Machine
from tests.fake_upstream import FakeUpstream
from tests.faults.upstream import FaultyUpstream
from tests.instances import ROOT
from tests.services import HOST, Postgres, Valkey

# Each web by itself as well, for what must be asked of this one and no other.
PINNED = """
server {{
    listen {port} ssl;
    ssl_certificate tls/fullchain.pem;
    ssl_certificate_key tls/privkey.pem;
    location / {{
        proxy_pass http://{address}:8000;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }}
}}
"""
NGINX = """
user root;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format answers '$server_port $request_method $status $upstream_addr';
    access_log {folder}/answers.log answers;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    include gradebench.conf;
    {pinned}
}}
"""


class DistantPostgres(Postgres):
    """PostgreSQL on a machine of its own."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(settings={"listen_addresses": "*"})
        self.machine = machine

    def url(self, database: str = "postgres") -> str:
        """The DATABASE_URL of one of its databases."""
        return super().url(quote(database)).replace(f"@{HOST}:", f"@{self.machine.address}:")

    def _prepare(self) -> None:
        super()._prepare()
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {RANGE} scram-sha-256\n")

    def _command(self) -> list[str]:
        return ["ip", "netns", "exec", self.machine.name, *super()._command()]


class DistantValkey(Valkey):
    """The broker on a machine of its own."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    def database_url(self, number: int) -> str:
        """The REDIS_URL of its database `number`."""
        return super().database_url(number).replace(f"//{HOST}:", f"//{self.machine.address}:")

    def _command(self) -> list[str]:
        words = super()._command()
        words[words.index("--bind") + 1] = f"{HOST} {self.machine.address}"
        return ["ip", "netns", "exec", self.machine.name, *words, "--protected-mode", "no"]

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            with redis.Redis(host=self.machine.address, port=self.port, socket_timeout=5) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


class BridgeUpstream(FaultyUpstream):
    """The fake upstream where all machines reach it; `asked_by` counts the connections of each."""

    host = HERE

    def __init__(self, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.asked_by: Counter[str] = Counter()


class _Handler(FakeUpstream.handler):  # type: ignore[valid-type,misc] # a class that an attribute holds
    def setup(self) -> None:
        super().setup()
        self.owner.asked_by[self.client_address[0]] += 1


BridgeUpstream.handler = _Handler


class Proxy:
    """nginx with the files of deploy/nginx, and a certificate that `certificate` names for those who ask it."""

    def __init__(self, machine: Machine, program: str, webs: Sequence[Machine]) -> None:
        self.machine = machine
        self.program = program
        self.webs = list(webs)
        self.folder = WORK / "nginx"
        (self.folder / "tls").mkdir(parents=True)
        self.certificate = self.folder / "tls" / "fullchain.pem"

    @property
    def url(self) -> str:
        """Where people and applications go."""
        return f"https://{self.machine.address}"

    def url_of(self, web: Machine) -> str:
        """The way to this web alone."""
        return f"{self.url}:{self._port_of(web)}"

    def start(self) -> None:
        """Write its files and start it."""
        examples = ROOT / "deploy" / "nginx"
        shutil.copy(examples / "gradebench.conf", self.folder)
        upstream = (examples / "upstream-machines.conf").read_text()
        for example, web in zip(("10.0.0.11", "10.0.0.12"), self.webs, strict=True):
            upstream = upstream.replace(example, web.address)
        (self.folder / "gradebench-upstream.conf").write_text(upstream)
        pinned = "".join(PINNED.format(port=self._port_of(web), address=web.address) for web in self.webs)
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, pinned=pinned))
        self._certify()
        words = [self.program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]
        checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        self.machine.start(words, {}, own_disk=False)

    def answers(self) -> list[tuple[int, str, int, int]]:
        """Of each request: the port that was asked, the method, the status, and how many webs were tried."""
        found = []
        for line in (self.folder / "answers.log").read_text().splitlines():
            port, method, status, *tried = line.split()
            found.append((int(port), method, int(status), len(tried)))
        return found

    def _port_of(self, web: Machine) -> int:
        return 8441 + self.webs.index(web)

    def _certify(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GradeBench test")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(self.machine.address))]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "tls" / "privkey.pem").write_bytes(private)
