"""The rotation of the encryption key: every token opens before, in the middle and afterwards."""

import io
import stat
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from gradebench import keyfiles
from reviews.log10 import sync
from reviews.management import alone
from reviews.models import AuditEvent, Upstream
from reviews.workflow import sealing, second_factors, upstreams
from reviews.workflow.audit import SYSTEM
from tests import factories
from tests.e2e import steps
from tests.instances import Instance, InstanceError, encryption_key

TOKENS = {"one": "the token of one", "two": "the token of two"}


def rotate() -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("rotate_encryption_key", stdout=printed)
    return printed.getvalue()


def add_upstreams() -> list[Upstream]:
    """An upstream for each of TOKENS."""
    organization = factories.organization()
    return [
        upstreams.create(organization, url=f"https://{name}.example", upstream_organization=name, token=token)
        for name, token in TOKENS.items()
    ]


def tokens() -> dict[str, str]:
    """Every upstream's token, opened with the keys that there are."""
    return {upstream.name: upstreams.token_of(upstream) for upstream in Upstream.objects.all()}


@pytest.fixture
def key_file(settings: Settings, tmp_path: Path) -> Path:
    """A key file of this test's own, which the settings have read."""
    settings.DATA_DIR = tmp_path
    settings.ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    reread(settings)
    return tmp_path / "encryption.key"


def reread(settings: Settings) -> None:
    """The keys as the next process would find them."""
    settings.ENCRYPTION_KEYS = keyfiles.keys_in(keyfiles.read_or_create(settings.ENCRYPTION_KEY_FILE))


# Keys from the environment ----------------------------------------------------------------------------------------


@pytest.fixture
def keys(settings: Settings) -> list[str]:
    """New and old; the tokens of the tests that ask for it were sealed by the old one."""
    settings.ENCRYPTION_KEY_FILE = None
    return [encryption_key(), encryption_key()]


@pytest.mark.django_db
def test_it_seals_again_with_the_first_key(settings: Settings, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys[1:]
    add_upstreams()
    settings.ENCRYPTION_KEYS = list(keys)
    assert rotate() == "2 sealed again, 0 were already.\n"
    settings.ENCRYPTION_KEYS = keys[:1]
    assert tokens() == TOKENS
    assert AuditEvent.objects.filter(action="upstream.reseal").count() == 2
    assert AuditEvent.objects.get(action="encryption_key.rotate").details == "2 of 2 tokens sealed again"


@pytest.mark.django_db
def test_it_seals_second_factors_too_and_names_what_no_key_opens(
    settings: Settings, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ENCRYPTION_KEYS = keys[1:]
    user = factories.user("mira")
    app = Authenticator.objects.create(user=user, type="totp", data={"secret": second_factors.seal("ABCD")})
    settings.ENCRYPTION_KEYS = list(keys)
    rotate()
    app.refresh_from_db()
    settings.ENCRYPTION_KEYS = keys[:1]
    assert second_factors.unseal(app.data["secret"]) == "ABCD"
    settings.ENCRYPTION_KEYS = [encryption_key()]
    with pytest.raises(CommandError):
        rotate()
    assert "Second factor of mira: totp" in capsys.readouterr().err


@pytest.mark.django_db
def test_it_does_nothing_the_second_time(settings: Settings, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys[1:]
    add_upstreams()
    settings.ENCRYPTION_KEYS = list(keys)
    rotate()
    before = list(Upstream.objects.values_list("token_sealed", flat=True))
    assert rotate() == "0 sealed again, 2 were already.\n"
    assert list(Upstream.objects.values_list("token_sealed", flat=True)) == before
    assert AuditEvent.objects.filter(action="upstream.reseal").count() == 2


@pytest.mark.django_db
def test_it_says_how_to_rotate_when_there_is_one_key(settings: Settings, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys[:1]
    add_upstreams()
    assert "has one key. To change it, put a new one and a comma before it" in rotate()


@pytest.mark.django_db
def test_it_names_what_no_key_opens_and_does_the_rest(
    settings: Settings, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lost = encryption_key()
    settings.ENCRYPTION_KEYS = [lost]
    add_upstreams()
    kept = Upstream.objects.get(name="one").token_sealed
    settings.ENCRYPTION_KEYS = keys[1:]
    two = Upstream.objects.get(name="two")
    upstreams.change(two, url=two.url, token=TOKENS["two"], actor=SYSTEM)
    settings.ENCRYPTION_KEYS = list(keys)

    with pytest.raises(CommandError, match="they are as they were"):
        call_command("rotate_encryption_key")

    said = capsys.readouterr()
    assert said.out == "1 sealed again, 0 were already.\n"
    assert ", one: No key in GRADEBENCH_ENCRYPTION_KEYS" in said.err
    assert "Add the old key behind the present one" in said.err
    assert Upstream.objects.get(name="one").token_sealed == kept
    settings.ENCRYPTION_KEYS = [lost, *keys[:1]]
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_it_names_a_token_whose_url_was_changed_behind_its_back(
    settings: Settings, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ENCRYPTION_KEYS = keys[:1]
    add_upstreams()
    Upstream.objects.filter(name="one").update(url="https://elsewhere.example")
    with pytest.raises(CommandError):
        call_command("rotate_encryption_key")
    said = capsys.readouterr()
    assert ", one: The token was sealed for another upstream or URL. Enter it again." in said.err
    assert "0 sealed again, 1 were already." in said.out


@pytest.mark.django_db
def test_upstreams_that_waited_for_their_key_go_on(settings: Settings, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys[1:]
    one, two = add_upstreams()
    settings.ENCRYPTION_KEYS = keys[:1]
    for upstream in (one, two):
        sync.pull(upstream)
    upstreams.refuse_token(two, "The upstream refuses the token: No such token.")
    assert not Upstream.objects.pull_due(timezone.now()).exists()

    settings.ENCRYPTION_KEYS = list(keys)
    assert rotate() == "2 sealed again, 0 were already.\n"
    # Whose token was refused over there waits for another one, whatever key there is.
    assert list(Upstream.objects.pull_due(timezone.now())) == [one]
    assert [trouble.name for trouble in upstreams.troubles([one.organization_id])] == ["two"]


@pytest.mark.django_db
def test_it_leaves_a_token_alone_that_was_changed_meanwhile(
    settings: Settings, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = keys[1:]
    add_upstreams()
    settings.ENCRYPTION_KEYS = list(keys)
    real = sealing.seal

    def seal(secret: str, *, bound_to: str) -> str:
        """Somebody enters a new token between the reading and the writing."""
        monkeypatch.setattr(sealing, "seal", real)
        one = Upstream.objects.get(name="one")
        upstreams.change(one, url="https://moved.example", token="entered meanwhile", actor=SYSTEM)
        return real(secret, bound_to=bound_to)

    monkeypatch.setattr(sealing, "seal", seal)
    assert rotate() == "1 sealed again, 1 were already.\n"
    assert tokens() == {"one": "entered meanwhile", "two": TOKENS["two"]}


# Keys from the file of the embedded default -----------------------------------------------------------------------


@pytest.mark.django_db
def test_it_makes_a_new_key_and_forgets_the_former(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    former = key_file.read_text()
    assert "2 sealed again, 0 were already." in rotate()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 1
    assert former not in key_file.read_text()
    assert tokens() == TOKENS
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["encryption.key", "up.lock"]


@pytest.mark.django_db
def test_it_makes_another_key_each_time(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    seen = {key_file.read_text()}
    for _ in range(3):
        reread(settings)
        rotate()
        seen.add(key_file.read_text())
    reread(settings)
    assert len(seen) == 4
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_a_crash_before_anything_was_sealed_again_loses_nothing(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    written = keyfiles.begin_rotation(key_file)
    reread(settings)
    assert written == settings.ENCRYPTION_KEYS
    assert tokens() == TOKENS

    assert "2 sealed again" in rotate()
    # It went on with the key that was there, and made no third one.
    assert key_file.read_text() == written[0]
    reread(settings)
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_a_crash_half_way_loses_nothing(settings: Settings, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_upstreams()
    real = sealing.seal
    sealed: list[str] = []

    def seal(secret: str, *, bound_to: str) -> str:
        if sealed:
            raise KeyboardInterrupt
        sealed.append(bound_to)
        return real(secret, bound_to=bound_to)

    monkeypatch.setattr(sealing, "seal", seal)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    monkeypatch.undo()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 2
    assert tokens() == TOKENS

    assert "1 sealed again, 1 were already." in rotate()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 1
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_a_crash_before_the_former_key_is_forgotten_loses_nothing(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    settings.ENCRYPTION_KEYS[:] = keyfiles.begin_rotation(key_file)
    upstreams.reseal_all()
    reread(settings)
    assert tokens() == TOKENS
    assert "0 sealed again, 2 were already." in rotate()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 1
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_it_keeps_the_former_key_while_a_token_needs_it(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    Upstream.objects.filter(name="one").update(url="https://elsewhere.example")
    with pytest.raises(CommandError):
        rotate()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 2
    # What was changed by hand is changed back, and the rotation comes to its end.
    Upstream.objects.filter(name="one").update(url="https://one.example")
    assert tokens() == TOKENS
    assert "1 sealed again, 1 were already." in rotate()
    reread(settings)
    assert len(settings.ENCRYPTION_KEYS) == 1
    assert tokens() == TOKENS


@pytest.mark.django_db
def test_it_changes_nothing_when_the_file_cannot_be_written(
    settings: Settings, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_upstreams()
    before = key_file.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gradebench.keyfiles.os.fsync", full)
    with pytest.raises(CommandError, match=r"No space left on device\. No token is lost; run this again\."):
        rotate()
    monkeypatch.undo()
    assert key_file.read_text() == before
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["encryption.key", "up.lock"]
    reread(settings)
    assert tokens() == TOKENS
    assert not AuditEvent.objects.filter(action="upstream.reseal").exists()


@pytest.mark.django_db
def test_it_refuses_beside_another_process_of_the_folder(settings: Settings, key_file: Path) -> None:
    add_upstreams()
    before = key_file.read_text()
    lock = alone.hold_data_folder("")
    with pytest.raises(CommandError, match="Stop it first"):
        rotate()
    lock.close()
    assert key_file.read_text() == before


# The command of an installation -----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.e2e
def test_it_refuses_while_it_is_served_and_pulls_go_on_after_it() -> None:
    with Instance("application") as application, Instance("rotated") as rotated:
        shop = steps.create_organization(application, "shop")
        team = steps.create_organization(rotated, "team")
        steps.add_member(team, "alice")
        steps.add_upstream(team, shop)
        shop.create_feedback_task(steps.FEEDBACK_TASK)
        shop.create(steps.chat("When?", "At nine.", organization_id="shop"))
        alice = steps.Reviewer(rotated, "alice")
        steps.wait_for("It came", alice.startable)
        key = (rotated.data_dir / "encryption.key").read_text()

        with pytest.raises(InstanceError, match=r"runs on this data folder already .* Stop it first"):
            rotated.manage("rotate_encryption_key")
        assert (rotated.data_dir / "encryption.key").read_text() == key
        rotated.stop()
        assert "1 sealed again, 0 were already." in rotated.manage("rotate_encryption_key")
        assert key not in (rotated.data_dir / "encryption.key").read_text()

        rotated.start()
        rotated.wait_ready()
        shop.create(steps.chat("Where?", "In the yard.", organization_id="shop"))
        pulled = "print(Completion.objects.count())"
        steps.wait_for("The next came", lambda: steps.ask_database(rotated, pulled) == "2")


@pytest.mark.postgres
@pytest.mark.e2e
def test_it_rotates_the_keys_of_the_environment() -> None:
    instance = Instance("rotated")
    try:
        team = steps.create_organization(instance, "team")
        old, new = instance.env["GRADEBENCH_ENCRYPTION_KEYS"], encryption_key()
        words = ("--organization", team.slug, "--url", "https://log10.example", "--upstream-organization", "x")
        instance.manage("create_upstream", *words, "--token-stdin", input="the token\n")
        instance.env["GRADEBENCH_ENCRYPTION_KEYS"] = new
        with pytest.raises(InstanceError, match=r"ended with 1:\n0 sealed again(.|\n)*upstream 1, x: No key in"):
            instance.manage("rotate_encryption_key")
        instance.env["GRADEBENCH_ENCRYPTION_KEYS"] = f"{new},{old}"
        assert instance.manage("rotate_encryption_key") == "1 sealed again, 0 were already.\n"
        instance.env["GRADEBENCH_ENCRYPTION_KEYS"] = new
        assert "0 sealed again, 1 were already." in instance.manage("rotate_encryption_key")
    finally:
        instance.close()
