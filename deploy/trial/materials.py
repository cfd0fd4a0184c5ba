"""What an image is made of, as a bill of materials in the form of SPDX 2.3, which scanners read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote


def bill(name: str, identity: str, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The bill of an image.

    Args:
        name: of the image.
        identity: its id, by which this bill is told from others of that name.
        seen: what `inside.py` saw.
    """
    python = [
        _package(one, f"pkg:pypi/{one['name']}@{quote(one['version'])}", one["licence"]) for one in seen["python"]
    ]
    debian = [
        _package(
            one,
            f"pkg:deb/{seen['release'].partition('-')[0]}/{quote(one['name'])}@{quote(one['version'])}"
            f"?arch={one['architecture']}&distro={seen['release']}",
        )
        for one in seen["debian"]
    ]
    packages = [{**package, "SPDXID": f"SPDXRef-Package-{number}"} for number, package in enumerate((*python, *debian))]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://winnow.invalid/{name}/{identity}",
        "creationInfo": {"created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "creators": ["Tool: winnow-try-images"]},
        "packages": packages,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": one["SPDXID"]}
            for one in packages
        ],
    }


def _package(one: Mapping[str, str], locator: str, licence: str = "") -> dict[str, Any]:
    return {
        "name": one["name"],
        "versionInfo": one["version"],
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence or "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
        ],
    }
