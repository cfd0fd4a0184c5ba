import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as pack

from models.errors import BundleBroken
from models.learn.bundle import BUNDLE, HEAD, load, save
from models.learn.fields import Choice, FieldFeatures, Number
from models.learn.heads import LinearHead, PrototypeHead
from models.learn.training import fit_head

MANIFEST = {"encoder": "all-MiniLM-L6-v2@53aa51172d14/fp32", "decisions": 60, "categories": {"7": "Büro"}}


@pytest.fixture
def head(blobs) -> LinearHead:
    source = blobs()
    x, y = source.draw(60)
    return fit_head(x, y, source.prototypes, source.classes).head


def reseal(folder: Path, **changes: object) -> str:
    """Change the bundle as somebody would who also controls the expected hash."""
    content = json.loads((folder / BUNDLE).read_text())
    content.update(changes)
    (folder / BUNDLE).write_text(json.dumps(content))
    return sha256((folder / BUNDLE).read_bytes()).hexdigest()


def swap_head(folder: Path, packed: bytes) -> str:
    """Put other bytes in the head's place, with a matching hash."""
    (folder / HEAD).write_bytes(packed)
    part = json.loads((folder / BUNDLE).read_text())["head"]
    return reseal(folder, head={**part, "sha256": sha256(packed).hexdigest()})


@pytest.mark.parametrize("kind", ["linear", "prototype"])
def test_what_was_saved_answers_the_same(head, blobs, tmp_path: Path, kind: str):
    source = blobs()
    saved = head if kind == "linear" else PrototypeHead().fit(source.prototypes, source.classes)
    found = load(tmp_path, save(saved, MANIFEST, tmp_path))
    x, _ = source.draw(20)
    assert found.manifest == MANIFEST
    assert found.head.predict_proba(x).tobytes() == saved.predict_proba(x).tobytes()
    assert found.head.classes_.tolist() == source.classes.tolist()


def test_the_same_head_gives_the_same_bytes(head, tmp_path: Path):
    first = save(head, MANIFEST, tmp_path / "a")
    second = save(head, dict(reversed(MANIFEST.items())), tmp_path / "b")
    assert first == second
    for name in (BUNDLE, HEAD):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_process_trains_the_same_bytes(tmp_path: Path):
    code = (
        "import sys, numpy as np; from pathlib import Path; from models.learn import bundle, training\n"
        "rng = np.random.default_rng(0); x = rng.standard_normal((90, 32)).astype(np.float32)\n"
        "y = rng.integers(0, 5, 90); p = rng.standard_normal((5, 32)).astype(np.float32)\n"
        "fit = training.fit_head(x, y, p, np.arange(5), seed=3)\n"
        "print(bundle.save(fit.head, {'gate': fit.gate, 'calibration': fit.calibration}, Path(sys.argv[1])))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / run)], capture_output=True, text=True, timeout=240, check=True
        ).stdout
        for run in ("a", "b")
    }
    assert len(hashes) == 1


def test_another_head_gives_another_hash(head, tmp_path: Path):
    first = save(head, MANIFEST, tmp_path)
    head.temperature += 0.0001
    assert save(head, MANIFEST, tmp_path) != first


@pytest.mark.parametrize("name", [BUNDLE, HEAD])
@pytest.mark.parametrize("damage", ["change", "cut", "remove"])
def test_a_damaged_file_is_refused(head, tmp_path: Path, name: str, damage: str):
    sealed = save(head, MANIFEST, tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    if damage == "change":
        data[len(data) // 2] ^= 1
        (tmp_path / name).write_bytes(data)
    elif damage == "cut":
        (tmp_path / name).write_bytes(data[:-1])
    else:
        (tmp_path / name).unlink()
    with pytest.raises(BundleBroken, match=name):
        load(tmp_path, sealed)


def test_another_protocol_is_refused(head, tmp_path: Path):
    save(head, MANIFEST, tmp_path)
    with pytest.raises(BundleBroken, match="protocol 3"):
        load(tmp_path, reseal(tmp_path, protocol=3))


@pytest.mark.parametrize(
    "content",
    [{"head": None}, {"head": {}}, {"head": {"kind": "os.system", "parameters": {}, "sha256": ""}}, {"manifest": 3}],
)
def test_another_kind_is_refused(head, tmp_path: Path, content: dict):
    save(head, MANIFEST, tmp_path)
    with pytest.raises(BundleBroken):
        load(tmp_path, reseal(tmp_path, **content))


@pytest.mark.parametrize("parameters", [{}, {"temperature": "1"}, {"strength": 1.0, "surprise": 2.0}])
def test_other_parameters_are_refused(head, tmp_path: Path, parameters: dict):
    save(head, MANIFEST, tmp_path)
    part = json.loads((tmp_path / BUNDLE).read_text())["head"]
    with pytest.raises(BundleBroken, match="numbers"):
        load(tmp_path, reseal(tmp_path, head={**part, "parameters": parameters}))


def test_a_number_that_came_later_is_kept_and_need_not_be_there(head, tmp_path: Path):
    plain = load(tmp_path, save(head, MANIFEST, tmp_path)).head
    assert "rivals" not in json.loads((tmp_path / BUNDLE).read_text())["head"]["parameters"]
    assert plain.rivals == 0
    head.rivals = 2
    found = load(tmp_path, save(head, MANIFEST, tmp_path)).head
    x = np.random.default_rng(0).standard_normal((5, head.coef_.shape[1])).astype(np.float32)
    assert found.rivals == 2
    assert found.predict_proba(x).tobytes() == head.predict_proba(x).tobytes() != plain.predict_proba(x).tobytes()


def arrays_of(head: LinearHead) -> dict[str, np.ndarray]:
    return {"classes_": head.classes_, "coef_": head.coef_, "intercept_": head.intercept_}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays.pop("coef_"), "just the arrays"),
        (lambda arrays: arrays.update(extra_=np.zeros(2)), "just the arrays"),
        (lambda arrays: arrays.update(coef_=arrays["coef_"].astype(np.float64)), "coef_ is not float32"),
        (lambda arrays: arrays.update(intercept_=arrays["intercept_"][1:]), "intercept_ is not"),
        (lambda arrays: arrays.update(coef_=arrays["coef_"].ravel()), "coef_ is not"),
    ],
)
def test_other_arrays_are_refused(head, tmp_path: Path, change, words: str):
    save(head, MANIFEST, tmp_path)
    arrays = arrays_of(head)
    change(arrays)
    with pytest.raises(BundleBroken, match=words):
        load(tmp_path, swap_head(tmp_path, pack({name: np.ascontiguousarray(a) for name, a in arrays.items()})))


@pytest.mark.parametrize("packed", [b"", b"no arrays", b"\xff" * 64])
def test_rubbish_in_the_place_of_a_head_is_refused(head, tmp_path: Path, packed: bytes):
    save(head, MANIFEST, tmp_path)
    with pytest.raises(BundleBroken):
        load(tmp_path, swap_head(tmp_path, packed))


FIELDS = FieldFeatures(
    [Number("price", 0.0, 9.0, 3.0, 4.0, 2.0, (0.1, 0.3))], [Choice("brand", ("a", "b"), (0.6, 0.4))]
)


def wide_head(columns: int) -> LinearHead:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((12, 5 + columns)).astype(np.float32)
    return LinearHead().fit(x, np.arange(12) % 3, prototypes=None, classes=np.arange(3))


def test_a_head_that_wants_fields_is_kept_with_them(head, tmp_path: Path):
    wide = wide_head(FIELDS.width)
    sealed = save(wide, MANIFEST, tmp_path, FIELDS)
    assert json.loads((tmp_path / BUNDLE).read_text())["protocol"] == 2
    loaded = load(tmp_path, sealed)
    record = {"price": "7.5", "brand": "B"}
    assert (loaded.features.transform([record]) == FIELDS.transform([record])).all()
    assert load(tmp_path, save(head, MANIFEST, tmp_path)).features is None, "and any other as it always was"
    assert json.loads((tmp_path / BUNDLE).read_text())["protocol"] == 1


def test_fields_that_do_not_fit_the_head_are_refused(tmp_path: Path):
    save(wide_head(FIELDS.width - 5), MANIFEST, tmp_path, FIELDS)
    with pytest.raises(BundleBroken, match="no place for the 4 columns"):
        load(tmp_path, reseal(tmp_path))


@pytest.mark.parametrize("fields", [None, {}, {"numbers": [], "choices": []}, {"numbers": "__import__", "choices": []}])
def test_fields_that_are_none_are_refused(tmp_path: Path, fields: object):
    save(wide_head(FIELDS.width), MANIFEST, tmp_path, FIELDS)
    with pytest.raises(BundleBroken, match="which fields"):
        load(tmp_path, reseal(tmp_path, fields=fields))
