"""Writes the alert rules as the Prometheus operator takes them: `python deploy/kubernetes/write_rules.py`.

The rules themselves stand in deploy/prometheus/rules, where they are tested.
"""

from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
TARGET = HERE / "components" / "monitoring" / "rules.yaml"


def written() -> str:
    """The resource as it stands in its file."""
    sources = sorted((HERE.parent / "prometheus" / "rules").glob("*.yml"))
    groups = [group for path in sources for group in yaml.safe_load(path.read_text())["groups"]]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "winnow"},
        "spec": {"groups": groups},
    }
    text: str = yaml.safe_dump(resource, sort_keys=False, width=1000)
    return f"# Written by deploy/kubernetes/write_rules.py from deploy/prometheus/rules.\n{text}"


if __name__ == "__main__":
    TARGET.write_text(written())
