"""Find files that look as if they held a secret, by their names and their content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

NAMES = (
    *(".env", ".env.*", ".netrc", ".npmrc", ".pypirc", ".git-credentials", "id_rsa*", "id_ed25519*", "*.pem", "*.key"),
    *("*.p12", "*.pfx", "*.jks", "*.kdbx", "*.tfstate", "*.tfstate.*", "*.tfvars", "*credential*", "*secret*"),
    *("*service-account*.json", "*service_account*.json", "application_default_credentials.json"),
)
CONTENTS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb'|"private_key(?:_id)?"\s*:\s*"\w'
    rb"|\bAIza[\w-]{35}\b"  # an API key of Google's
    rb"|\bya29\.[\w-]{20,}"  # an access token of Google's
    rb"|\bGOCSPX-[\w-]{20,}"  # an OAuth client's secret
    rb"|\b(?:ghp|gho|ghs)_\w{36}\b"
    rb"|\bAKIA[0-9A-Z]{16}\b"
)


def secret_like(root: Path, files: Iterable[str]) -> list[str]:
    """Return the files whose name or content looks like a secret, each with the reason."""
    findings = []
    for file in files:
        name = file.rsplit("/", 1)[-1].lower()
        by_name = [pattern for pattern in NAMES if fnmatchcase(name, pattern)]
        by_content = CONTENTS.search((root / file).read_bytes())
        if by_name:
            findings.append(f"{file}: its name is like {by_name[0]}")
        elif by_content:
            findings.append(f"{file}: it holds {by_content[0][:12].decode('ascii', 'replace')}…")
    return findings
