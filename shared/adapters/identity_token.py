"""Identity tokens, which Cloud Run requires of callers."""

from __future__ import annotations

import google.auth
from google.auth import impersonated_credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from shared.errors import BadRequest


def identity_token(audience: str, account: str) -> str:
    """Return an identity token for a service account that the credentials belong to, or may act as.

    The metadata server of Cloud Build gives only access tokens, so IAM creates the identity token
    (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken).

    Args:
        audience: the URL that is called.
        account: the service account's e-mail address.

    Raises:
        BadRequest: there are no credentials, or they lack the permission.
    """
    try:
        source, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        acting = impersonated_credentials.Credentials(source, account, target_scopes=[])
        token = impersonated_credentials.IDTokenCredentials(acting, target_audience=audience, include_email=True)
        token.refresh(Request())
    except GoogleAuthError as error:
        raise BadRequest(
            f"There is no token of {account} for {audience} ({error}); the account needs the permission "
            "iam.serviceAccounts.getOpenIdToken on itself, which infra/pipeline grants."
        ) from error
    return str(token.token)
