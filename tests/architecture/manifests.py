"""Faults in a set of Kubernetes manifests that no schema shows: each check gives sentences, none when all is well."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Doc = dict[str, Any]
Docs = list[Doc]
WORKLOADS = ("Deployment", "Job", "CronJob")
MOVING_ON, ENDING = 5, 30
"""Seconds until no proxy sends requests to a pod that ends; until what has begun there is answered, and some more."""
OUTSIDE = {
    "winnow": {"database-url", "redis-url", "secret-key", "admin-password"},
    "winnow-tls": {"tls.crt", "tls.key"},
    "winnow-objects": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"},
}
"""Secrets that somebody puts into the cluster; docs/deployment.md names them."""


def of(docs: Docs, *kinds: str) -> Docs:
    return [doc for doc in docs if doc["kind"] in kinds]


def named(docs: Docs, kind: str, name: str) -> Doc | None:
    return next((doc for doc in of(docs, kind) if doc["metadata"]["name"] == name), None)


def workloads(docs: Docs) -> Docs:
    return of(docs, *WORKLOADS)


def pod(workload: Doc) -> Doc:
    spec = workload["spec"]
    template: Doc = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
    return template


def containers(workload: Doc) -> list[Doc]:
    found: list[Doc] = pod(workload)["spec"]["containers"]
    return found


def matches(selector: Doc, labels: Doc) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", ())
    )


def selected(docs: Docs, selector: Doc) -> Docs:
    return [one for one in workloads(docs) if matches(selector, pod(one)["metadata"]["labels"])]


def ports(workload: Doc) -> set[str | int]:
    return {
        value
        for container in containers(workload)
        for port in container.get("ports", ())
        for value in (port["name"], port["containerPort"])
    }


def is_shut(policy: Doc) -> bool:
    """Whether it lets nothing in or out that no other policy names."""
    spec = policy["spec"]
    return set(spec["policyTypes"]) == {"Ingress", "Egress"} and not {"ingress", "egress"} & set(spec)


def selectors(docs: Docs) -> Iterator[str]:
    for one in of(docs, "Deployment"):
        if not matches(one["spec"]["selector"], pod(one)["metadata"]["labels"]):
            yield f"Deployment {one['metadata']['name']} does not select its own pods"
        for spread in pod(one)["spec"].get("topologySpreadConstraints", ()):
            if not matches(spread["labelSelector"], pod(one)["metadata"]["labels"]):
                yield f"Deployment {one['metadata']['name']} spreads other pods than its own"
    for one in of(docs, "PodDisruptionBudget", "PodMonitor"):
        if len(selected(docs, one["spec"]["selector"])) != 1:
            yield f"{one['kind']} {one['metadata']['name']} does not select one workload"
    for one in of(docs, "Service"):
        if len(selected(docs, {"matchLabels": one["spec"]["selector"]})) != 1:
            yield f"Service {one['metadata']['name']} does not select one workload"


def policies(docs: Docs) -> Iterator[str]:
    for one in of(docs, "NetworkPolicy"):
        if not selected(docs, one["spec"]["podSelector"]):
            yield f"NetworkPolicy {one['metadata']['name']} selects nothing"
    shut = next(
        (one["spec"]["podSelector"] for one in of(docs, "NetworkPolicy") if is_shut(one)), {"matchLabels": {"": ""}}
    )
    for one in workloads(docs):
        if not matches(shut, pod(one)["metadata"]["labels"]):
            yield f"{one['kind']} {one['metadata']['name']} is kept from nothing by any NetworkPolicy"


def listeners(docs: Docs) -> Iterator[str]:
    for service in of(docs, "Service"):
        for workload in selected(docs, {"matchLabels": service["spec"]["selector"]}):
            for missing in {port["targetPort"] for port in service["spec"]["ports"]} - ports(workload):
                yield f"Service {service['metadata']['name']} leads to port {missing}, which is not there"
    for monitor in of(docs, "PodMonitor"):
        for workload in selected(docs, monitor["spec"]["selector"]):
            for missing in {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} - ports(workload):
                yield f"PodMonitor {monitor['metadata']['name']} reads port {missing}, which is not there"
    for policy in of(docs, "NetworkPolicy"):
        opened = {port["port"] for rule in policy["spec"].get("ingress", ()) for port in rule["ports"]}
        for workload in selected(docs, policy["spec"]["podSelector"]):
            for missing in opened - ports(workload):
                yield f"NetworkPolicy {policy['metadata']['name']} opens {missing}, where nobody listens"


def probes(docs: Docs) -> Iterator[str]:
    for workload in workloads(docs):
        for container in containers(workload):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe in container and container[probe]["httpGet"]["port"] not in ports(workload):
                    yield f"{probe} of {container['name']} asks a port that is not there"


def ways_in(docs: Docs) -> Iterator[str]:
    for ingress in of(docs, "Ingress"):
        hosts = {host for tls in ingress["spec"]["tls"] for host in tls["hosts"]}
        for rule in ingress["spec"]["rules"]:
            if rule["host"] not in hosts:
                yield f"Ingress: no certificate for {rule['host']}"
            for path in rule["http"]["paths"]:
                wanted = path["backend"]["service"]
                service = named(docs, "Service", wanted["name"])
                if service is None or wanted["port"]["name"] not in {port["name"] for port in service["spec"]["ports"]}:
                    yield f"Ingress: {path['path']} leads nowhere"
                if path["path"].startswith("/metrics"):
                    yield "Ingress: the metrics are open to everybody"


def scaling(docs: Docs) -> Iterator[str]:
    for scaler in of(docs, "HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = named(docs, target.get("kind", "Deployment"), target["name"])
        if workload is None:
            yield f"{scaler['kind']} scales {target['name']}, which is not there"
            continue
        if "replicas" in workload["spec"]:
            yield f"{target['name']} has a number of its own and a {scaler['kind']}: each rollout would fight it"
        if scaler["kind"] == "HorizontalPodAutoscaler":
            for container in containers(workload):
                if "cpu" not in container.get("resources", {}).get("requests", {}):
                    yield f"{container['name']} requests no processor, of which its autoscaler counts a share"
        elif scaler["spec"].get("minReplicaCount", 0) < 1:
            yield f"{target['name']} may be scaled to none: nobody would notice work"


def budgets(docs: Docs) -> Iterator[str]:
    for budget in of(docs, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable", 0) in (0, "0%"):
            yield f"PodDisruptionBudget {budget['metadata']['name']} lets no node be emptied"


def _sources(docs: Docs, name: str, container: Doc) -> Iterator[str]:
    for source in container.get("envFrom", ()):
        if "configMapRef" in source and named(docs, "ConfigMap", source["configMapRef"]["name"]) is None:
            yield f"{name}: there is no ConfigMap {source['configMapRef']['name']}"
        if "secretRef" in source and source["secretRef"]["name"] not in OUTSIDE:
            yield f"{name}: nobody provides the secret {source['secretRef']['name']}"


def references(docs: Docs) -> Iterator[str]:
    for workload in workloads(docs):
        spec, name = pod(workload)["spec"], workload["metadata"]["name"]
        if named(docs, "ServiceAccount", spec["serviceAccountName"]) is None:
            yield f"{name}: there is no service account {spec['serviceAccountName']}"
        volumes = {volume["name"]: volume for volume in spec.get("volumes", ())}
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and named(docs, "PersistentVolumeClaim", claim) is None:
                yield f"{name}: there is no claim {claim}"
        for container in spec["containers"]:
            for mount in container.get("volumeMounts", ()):
                if mount["name"] not in volumes:
                    yield f"{name}: there is no volume {mount['name']}"
            yield from _sources(docs, name, container)
            for variable in container.get("env", ()):
                wanted = variable.get("valueFrom", {}).get("secretKeyRef")
                if wanted is not None and wanted["key"] not in OUTSIDE.get(wanted["name"], set()):
                    yield f"{name}: nobody provides {wanted['key']} of the secret {wanted['name']}"


def confinement(docs: Docs) -> Iterator[str]:
    for workload in workloads(docs):
        spec, name = pod(workload)["spec"], workload["metadata"]["name"]
        whole = spec.get("securityContext", {})
        if not whole.get("runAsNonRoot") or whole.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: its pod is not restricted"
        if spec.get("automountServiceAccountToken", True):
            yield f"{name}: it carries a token that it does not need"
        for container in spec["containers"]:
            own = container.get("securityContext", {})
            if (
                own.get("allowPrivilegeEscalation", True)
                or not own.get("readOnlyRootFilesystem")
                or own.get("capabilities", {}).get("drop") != ["ALL"]
            ):
                yield f"{name}: container {container['name']} is not restricted"
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get(
                "limits", {}
            ):
                yield f"{name}: container {container['name']} has no bounds"
            if not any(mount["mountPath"] == "/tmp" for mount in container.get("volumeMounts", ())):  # noqa: S108
                yield f"{name}: container {container['name']} has nowhere to write"


def rollouts(docs: Docs) -> Iterator[str]:
    for workload in of(docs, "Deployment"):
        name, spec = workload["metadata"]["name"], workload["spec"]
        if spec["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
            yield f"{name}: a rollout takes one away before another is there"
        settings = named(docs, "ConfigMap", "winnow")
        drain = int(settings["data"].get("WINNOW_DRAIN_SECONDS", "0")) if settings else 0
        if name == "api" and not MOVING_ON <= drain <= pod(workload)["spec"]["terminationGracePeriodSeconds"] - ENDING:
            yield f"{name}: requests still come to a process that ends, or it is killed before they are answered"
        for container in containers(workload):
            if not {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container):
                yield f"{name}: container {container['name']} lacks a probe"


def backups(docs: Docs) -> Iterator[str]:
    """A backup that is made every night, and missed within a day and a half where it was not made."""
    settings = named(docs, "ConfigMap", "winnow")
    for one in of(docs, "CronJob"):
        name, spec = one["metadata"]["name"], one["spec"]
        if spec.get("concurrencyPolicy") != "Forbid":
            yield f"{name}: two of it may run at once"
        if not re.fullmatch(r"\d+ \d+ \* \* \*", spec["schedule"]):
            yield f"{name} does not run once a day"
        arguments = containers(one)[0].get("args", [])
        if "--keep" not in arguments:
            yield f"{name} keeps everything until its volume is full"
        mounted = {mount["mountPath"] for mount in containers(one)[0]["volumeMounts"]}
        if not {"/data", *arguments[1:2]} <= mounted:
            yield f"{name} writes where no volume is"
        told = settings["data"] if settings else {}
        hours = int(told.get("WINNOW_BACKUP_HOURS", "192"))
        if told.get("WINNOW_BACKUP_EXPECTED") != "true" or not 24 < hours <= 36:
            yield f"{name}: nobody is told soon that it did not run"


CHECKS: tuple[Callable[[Docs], Iterator[str]], ...] = (
    selectors,
    policies,
    listeners,
    probes,
    ways_in,
    scaling,
    budgets,
    references,
    confinement,
    rollouts,
    backups,
)


def faults(docs: Docs) -> list[str]:
    """All of them."""
    return [sentence for check in CHECKS for sentence in check(docs)]
