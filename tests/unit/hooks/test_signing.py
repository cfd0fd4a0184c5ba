"""Signatures as the specification has them."""

import base64
from pathlib import Path

import pytest

from models.errors import Invalid, Unavailable
from models.hooks.signing import check_secret, new_secret, seal, signature, unseal
from models.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def settings(folder: Path, key: str) -> Settings:
    return Settings(data_dir=folder, secret_key=key * 32)


def test_the_reference_vector_of_the_specification() -> None:
    given = signature([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_signs_and_every_part_counts() -> None:
    other = new_secret()
    both = signature([other, SECRET], "msg_1", 5, b"{}").split(" ")
    assert both == [signature([other], "msg_1", 5, b"{}"), signature([SECRET], "msg_1", 5, b"{}")]
    assert len({*both, signature([SECRET], "msg_2", 5, b"{}"), signature([SECRET], "msg_1", 6, b"{}")}) == 4
    assert signature([SECRET], "msg_1", 5, b"{} ") not in both


def test_a_new_secret_has_256_bits_and_is_never_the_same() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}
    assert check_secret(SECRET) == SECRET


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_%%%%",
        "whsec_é",
        SECRET.removeprefix("whsec_"),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(Invalid, match="24 to 64 bytes"):
        check_secret(secret)


def test_a_secret_is_kept_sealed_under_the_operators_key(tmp_path: Path) -> None:
    sealed = seal(settings(tmp_path, "a"), SECRET)
    assert SECRET.encode() not in sealed
    assert unseal(settings(tmp_path, "a"), sealed) == SECRET
    with pytest.raises(Unavailable, match="another WINNOW_SECRET_KEY"):
        unseal(settings(tmp_path, "b"), sealed)
