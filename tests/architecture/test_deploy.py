"""The Kubernetes manifests: as their schemas want them, in themselves consistent, and each check proved by a fault."""

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.architecture.manifests import OUTSIDE, WORKLOADS, Doc, Docs, containers, faults, named, of, pod

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("development", "staging", "production")
VERSIONS = ("1.30", "1.33", "1.37")


@cache
def rendered(overlay: str) -> str:
    return put_together(KUBERNETES / "overlays" / overlay)


def put_together(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: overlays cannot be put together")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(overlay: str) -> Docs:
    return list(yaml.safe_load_all(rendered(overlay)))


def base() -> Docs:
    """The base with its components, put together by hand as far as these files need it: everywhere testable."""
    labels = yaml.safe_load((KUBERNETES / "base" / "kustomization.yaml").read_text())["labels"][0]["pairs"]
    components = ("ingress", "keda", "monitoring", "backup")  # `hpa` is there in place of `keda`
    folders = [KUBERNETES / "base", *(KUBERNETES / "components" / name for name in components)]
    docs: Docs = []
    for folder in folders:
        for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
            docs.extend(yaml.safe_load_all((folder / name).read_text()))
    for doc in of(docs, *WORKLOADS):
        pod(doc)["metadata"]["labels"].update(labels)
    settings = named(docs, "ConfigMap", "winnow")
    assert settings is not None
    settings["data"].update(WINNOW_BACKUP_EXPECTED="true", WINNOW_BACKUP_HOURS="30")  # as the component `backup` does
    worker = named(docs, "Deployment", "worker")
    assert worker is not None
    del worker["spec"]["replicas"]  # as the component `keda` does
    return docs


def test_the_base_is_consistent() -> None:
    assert faults(base()) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_consistent(overlay: str) -> None:
    docs = documents(overlay)
    assert faults(docs) == []
    assert {doc["metadata"]["namespace"] for doc in docs} == {f"winnow-{overlay}"}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_overlay_is_as_the_schemas_want_it(overlay: str, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for doc in documents(overlay):
        if doc["apiVersion"].partition("/")[0] in {"monitoring.coreos.com", "keda.sh"}:
            continue  # of operators: Kubernetes itself has no schema for them
        validate.validate(doc, version, strict=True)


def test_with_an_object_store_no_volume_is_shared(tmp_path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes" / "overlays" / "production" / "kustomization.yaml"
    backup = "  - ../../components/backup\n"
    overlay.write_text(overlay.read_text().replace(backup, backup + "  - ../../components/objects\n"))
    docs = list(yaml.safe_load_all(put_together(overlay.parent)))
    assert faults(docs) == []
    assert [doc["metadata"]["name"] for doc in of(docs, "PersistentVolumeClaim")] == ["winnow-backups"]
    users = [doc for doc in of(docs, *WORKLOADS) if doc["metadata"]["name"] != "ui"]
    assert {doc["metadata"]["name"] for doc in users} == {"api", "worker", "migrate", "backup"}
    for doc in users:
        (data,) = [volume for volume in pod(doc)["spec"]["volumes"] if volume["name"] == "data"]
        assert "emptyDir" in data
        assert {"secretRef": {"name": "winnow-objects", "optional": True}} in containers(doc)[0]["envFrom"]
        validate.validate(doc, VERSIONS[-1], strict=True)


def test_the_stages_differ_in_what_they_should() -> None:
    settings = {name: named(documents(name), "ConfigMap", "winnow") for name in OVERLAYS}
    assert {name: doc["data"]["WINNOW_ENV"] for name, doc in settings.items() if doc} == {n: n for n in OVERLAYS}
    scaler = named(documents("production"), "HorizontalPodAutoscaler", "api")
    assert scaler is not None
    assert scaler["spec"]["minReplicas"] >= 2


def test_the_way_in_leads_to_every_route_of_the_api() -> None:
    ingress = named(base(), "Ingress", "winnow")
    assert ingress is not None
    (rule,) = ingress["spec"]["rules"]
    to = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    routes = json.loads((ROOT / "openapi.json").read_text())["paths"]
    wanted = {"/" + route.split("/")[1] for route in routes} | {"/docs", "/openapi.json"}
    assert {path for path, name in to.items() if name == "api"} == wanted - {"/metrics"}


def test_behind_the_ingress_callers_are_told_apart() -> None:
    for overlay in OVERLAYS:
        docs = documents(overlay)
        settings = named(docs, "ConfigMap", "winnow")
        assert settings is not None
        assert ("FORWARDED_ALLOW_IPS" in settings["data"]) == bool(of(docs, "Ingress"))


def test_images_are_those_that_the_dockerfile_makes() -> None:
    images = {container["image"] for doc in of(base(), *WORKLOADS) for container in containers(doc)}
    assert images == {"winnow-api", "winnow-worker", "winnow-ui", "winnow-migrate"}


def test_alert_rules_of_the_operator_are_those_that_are_tested() -> None:
    spec = importlib.util.spec_from_file_location("write_rules", KUBERNETES / "write_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text() == module.written(), "run: python deploy/kubernetes/write_rules.py"


def test_every_secret_from_outside_is_documented() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    for name, keys in OUTSIDE.items():
        assert f"`{name}`" in page
        for key in keys:
            assert f"`{key}`" in page


def _api(docs: Docs) -> Doc:
    found = named(docs, "Deployment", "api")
    assert found is not None
    return found


def _backup(docs: Docs) -> Doc:
    found = named(docs, "CronJob", "backup")
    assert found is not None
    return found


def _drop(docs: Docs, kind: str, name: str) -> None:
    docs.remove(named(docs, kind, name) or {})


BROKEN: dict[str, tuple[Callable[[Docs], object], str]] = {
    "selector": (lambda d: _api(d)["spec"]["selector"]["matchLabels"].update({"x": "y"}), "does not select its own"),
    "spread": (
        lambda d: pod(_api(d))["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(x="y"),
        "spreads other pods",
    ),
    "budget": (lambda d: of(d, "PodDisruptionBudget")[0]["spec"].update(maxUnavailable=0), "lets no node be emptied"),
    "budget of nothing": (
        lambda d: of(d, "PodDisruptionBudget")[0]["spec"].update(selector={"matchLabels": {"x": "y"}}),
        "does not select one workload",
    ),
    "service": (lambda d: of(d, "Service")[0]["spec"].update(selector={"x": "y"}), "does not select one workload"),
    "service port": (lambda d: of(d, "Service")[0]["spec"]["ports"][0].update(targetPort="nope"), "is not there"),
    "probe": (
        lambda d: containers(_api(d))[0]["livenessProbe"]["httpGet"].update(port="nope"),
        "asks a port that is not there",
    ),
    "no probe": (lambda d: containers(_api(d))[0].pop("startupProbe"), "lacks a probe"),
    "scaler without target": (
        lambda d: of(d, "HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"].update(name="nope"),
        "which is not there",
    ),
    "scaler without requests": (
        lambda d: containers(_api(d))[0]["resources"]["requests"].pop("cpu"),
        "requests no processor",
    ),
    "scaler and number": (lambda d: _api(d)["spec"].update(replicas=3), "would fight it"),
    "none": (lambda d: of(d, "ScaledObject")[0]["spec"].update(minReplicaCount=0), "may be scaled to none"),
    "settings": (lambda d: _drop(d, "ConfigMap", "winnow"), "no ConfigMap"),
    "secret": (
        lambda d: containers(_api(d))[0]["env"][0]["valueFrom"]["secretKeyRef"].update(key="nope"),
        "nobody provides",
    ),
    "claim": (lambda d: _drop(d, "PersistentVolumeClaim", "winnow-data"), "no claim"),
    "account": (lambda d: _drop(d, "ServiceAccount", "winnow"), "no service account"),
    "volume": (lambda d: pod(_api(d))["spec"]["volumes"].pop(), "no volume"),
    "root": (lambda d: pod(_api(d))["spec"]["securityContext"].pop("runAsNonRoot"), "is not restricted"),
    "writable": (
        lambda d: containers(_api(d))[0]["securityContext"].update(readOnlyRootFilesystem=False),
        "is not restricted",
    ),
    "unbounded": (lambda d: containers(_api(d))[0]["resources"].pop("limits"), "has no bounds"),
    "rollout": (
        lambda d: _api(d)["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        "before another is there",
    ),
    "no draining": (
        lambda d: (named(d, "ConfigMap", "winnow") or {})["data"].pop("WINNOW_DRAIN_SECONDS"),
        "requests still come",
    ),
    "killed too soon": (lambda d: pod(_api(d))["spec"].update(terminationGracePeriodSeconds=30), "before they are"),
    "ingress": (lambda d: _drop(d, "Service", "ui"), "leads nowhere"),
    "open metrics": (
        lambda d: of(d, "Ingress")[0]["spec"]["rules"][0]["http"]["paths"][0].update(path="/metrics"),
        "open to everybody",
    ),
    "policy": (
        lambda d: of(d, "NetworkPolicy")[0]["spec"].update(podSelector={"matchLabels": {"x": "y"}}),
        "selects nothing",
    ),
    "policy port": (
        lambda d: next(p for p in of(d, "NetworkPolicy") if "ingress" in p["spec"])["spec"]["ingress"][0].update(
            ports=[{"port": 1}]
        ),
        "where nobody listens",
    ),
    "pod without policy": (
        lambda d: pod(_backup(d))["metadata"]["labels"].pop("app.kubernetes.io/part-of"),
        "by any NetworkPolicy",
    ),
    "backups at once": (lambda d: _backup(d)["spec"].pop("concurrencyPolicy"), "two of it may run at once"),
    "backups now and then": (lambda d: _backup(d)["spec"].update(schedule="0 2 * * 0"), "once a day"),
    "backups without end": (lambda d: containers(_backup(d))[0].update(args=["take", "/backups"]), "until its volume"),
    "backups nowhere": (lambda d: containers(_backup(d))[0]["args"].insert(1, "/srv"), "where no volume is"),
    "backups unmissed": (
        lambda d: (named(d, "ConfigMap", "winnow") or {})["data"].pop("WINNOW_BACKUP_HOURS"),
        "nobody is told soon",
    ),
    "claim of the backups": (lambda d: _drop(d, "PersistentVolumeClaim", "winnow-backups"), "no claim"),
    "monitor": (
        lambda d: of(d, "PodMonitor")[0]["spec"]["podMetricsEndpoints"][0].update(port="nope"),
        "which is not there",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_found(fault: str) -> None:
    docs = base()
    spoil, sentence = BROKEN[fault]
    spoil(docs)
    found = faults(docs)
    assert any(sentence in one for one in found), found
