"""Other servers with the same encoder and head: `mlflow models serve`, BentoML with adaptive batching, and a bare one.

The first two have a virtual environment each, made on the first run. The bare one is the least that HTTP can be: it
reads a text, answers it in the thread that reads, and does nothing else. All load the exported encoder with the code
that Winnow itself uses, and the head's numbers from a file.
"""

import os
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks._stack import free_port
from models.heads import Served
from models.learn.heads import LinearHead

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("onnxruntime", "tokenizers", "numpy", "scipy", "threadpoolctl", "pydantic")
PATIENCE = 180.0
BARE = "bare"

PREDICTOR = """
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, {root!r})
from models.learn.heads import others_behind
from models.learn.onnx_encoder import OnnxEncoder

encoder = OnnxEncoder(Path({encoder!r}), threads=2)
head = np.load({head!r})


def answers(texts):
    logits = encoder.encode(texts) @ head["coef"].T + head["intercept"]
    logits = others_behind(logits, int(head["rivals"])) / head["temperature"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    best = shares.argmax(axis=1)
    return [[str(head["names"][place]), float(row[place])] for row, place in zip(shares, best)]
"""

MLFLOW = """
import sys

import mlflow


class Answers(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        sys.path.insert(0, {folder!r})
        import predictor

        self.answers = predictor.answers

    def predict(self, context, model_input: list[str]):
        return self.answers(list(model_input))


mlflow.models.set_model(Answers())
"""

BENTO = """
import sys

import bentoml

sys.path.insert(0, {folder!r})


@bentoml.service(workers=1, traffic={{"timeout": 60, "max_concurrency": 256}})
class Answers:
    def __init__(self):
        import predictor

        self.answers = predictor.answers

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, texts: list[str]) -> list[list]:
        return self.answers(texts)
"""

PLAIN = """
import json
import sys

sys.path.insert(0, {folder!r})
import predictor


async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    said = json.dumps(predictor.answers(json.loads(body)["texts"])).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    await send({{"type": "http.response.body", "body": said}})
"""


@dataclass
class Server:
    """Something that answers over HTTP.

    Attributes:
        name: for the table.
        port: where it listens.
        path: what is asked.
        headers: that every request carries.
    """

    name: str
    port: int
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def body(self, text: str) -> Any:
        """A request for one text."""
        if self.name == "mlflow":
            return {"inputs": [text]}
        if self.name in {"bentoml", BARE}:
            return {"texts": [text]}
        return {"items": [{"text": text}]}

    def end(self) -> None:
        """Stop it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()


def start(name: str, folder: Path, environments: Path, served: Served, names: list[str], encoder: Path) -> Server | str:
    """Set up a peer and start it; where that cannot be done, the reason in words."""
    python = Path(sys.executable) if name == BARE else installed(name, environments / name)
    if isinstance(python, str):
        return python
    folder = folder / name
    folder.mkdir(parents=True)
    head = served.head
    if not isinstance(head, LinearHead):
        return f"a {type(head).__name__} is nothing that a peer could be given"
    np.savez(
        folder / "head.npz",
        coef=head.coef_,
        intercept=head.intercept_,
        temperature=np.float32(head.temperature),
        rivals=int(head.rivals),
        names=np.asarray(names),
    )
    told = {"root": str(ROOT), "folder": str(folder), "encoder": str(encoder), "head": str(folder / "head.npz")}
    (folder / "predictor.py").write_text(PREDICTOR.format(**told))
    port = free_port()
    begin = {"mlflow": _mlflow, "bentoml": _bentoml, BARE: _bare}[name]
    return begin(folder, python, told, port)


def installed(name: str, environment: Path) -> Path | str:
    """The interpreter of a peer's environment; the reason in words where it cannot be made."""
    python = environment / "bin" / "python"
    if (environment / "complete").exists():
        return python
    venv.create(environment, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", name, *NEEDED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"it could not be installed: {done.stderr.strip().splitlines()[-1:]}"
    (environment / "complete").touch()
    return python


def _mlflow(folder: Path, python: Path, told: dict[str, str], port: int) -> Server | str:
    (folder / "answers.py").write_text(MLFLOW.format(**told))
    kept = folder / "kept"
    code = (
        "import mlflow.pyfunc;"
        f"mlflow.pyfunc.save_model({str(kept)!r}, python_model={str(folder / 'answers.py')!r},"
        " pip_requirements=['mlflow'])"
    )
    made = subprocess.run(
        [str(python), "-c", code], env=_environment(python, folder), capture_output=True, text=True, check=False
    )
    if made.returncode:
        return f"its packaging failed: {made.stderr.strip().splitlines()[-1:]}"
    command = ["-m", "mlflow", "models", "serve", "-m", str(kept), "--env-manager", "local", "-p", str(port), "-w", "1"]
    return _begin(Server("mlflow", port, "/invocations"), python, command, folder)


def _bentoml(folder: Path, python: Path, told: dict[str, str], port: int) -> Server | str:
    (folder / "service.py").write_text(BENTO.format(**told))
    command = ["-m", "bentoml", "serve", "service:Answers", "--port", str(port), "--working-dir", str(folder)]
    return _begin(Server("bentoml", port, "/predict"), python, command, folder)


def _bare(folder: Path, python: Path, told: dict[str, str], port: int) -> Server | str:
    (folder / "plain.py").write_text(PLAIN.format(**told))
    quiet = ["--no-access-log", "--log-level", "warning", "--lifespan", "off", "--timeout-keep-alive", "600"]
    command = ["-m", "uvicorn", "plain:app", "--port", str(port), "--app-dir", str(folder), *quiet]
    return _begin(Server(BARE, port, "/"), python, command, folder)


def _begin(server: Server, python: Path, command: list[str], folder: Path) -> Server | str:
    log = folder / "log"
    with log.open("wb") as file:
        server.process = subprocess.Popen(
            [str(python), *command], env=_environment(python, folder), stdout=file, stderr=file, cwd=folder
        )
    url = f"http://127.0.0.1:{server.port}{server.path}"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx2.post(url, json=server.body("is it there")).status_code == 200:
                return server
        except httpx2.HTTPError:
            pass
        time.sleep(0.5)
    server.end()
    return f"it did not start: {log.read_text(errors='replace').strip().splitlines()[-3:]}"


def _environment(python: Path, folder: Path) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WINNOW_"))}
    return {
        **given,
        "PATH": f"{python.parent}{os.pathsep}{given.get('PATH', '')}",
        "HOME": str(folder),
        "BENTOML_HOME": str(folder / "home"),
        "BENTOML_DO_NOT_TRACK": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def versions(environments: Path, name: str) -> str:
    """The installed version of a peer."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run(
        [str(environments / name / "bin" / "python"), "-c", code], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit("this is a part of benchmarks.serving")
