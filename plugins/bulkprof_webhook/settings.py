"""The settings, `[plugins.webhook]`, and the secrets that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from bulkprof.plugins import (
    ClientFactory,
    PluginSettings,
    SecretValue,
    TellWhen,
    is_safe_url,
    secret_from_environment,
    secret_from_manager,
)

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""
ValueName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""What a template calls a value."""
URL_VARIABLE = "WEBHOOK_URL"
KEY_VARIABLE = "WEBHOOK_SIGNING_KEY"


class WebhookSettings(PluginSettings):
    """`[plugins.webhook]`."""

    url: str | None = None
    """Where to post, if that isn't secret: https, or http on this machine."""
    url_env: Variable | None = None
    """The environment variable that holds the URL; `WEBHOOK_URL` where no other setting says where it is."""
    url_secret: str | None = Field(default=None, min_length=1)
    """The name or ARN of a secret in AWS Secrets Manager whose text is the URL."""
    signing_key_env: Variable | None = None
    """The variable that holds the signing key; `WEBHOOK_SIGNING_KEY` where nothing else is said and no template."""
    signing_key_secret: str | None = Field(default=None, min_length=1)
    """The name or ARN of a secret in AWS Secrets Manager whose text is the signing key."""
    when: Literal["run", "batch"] = "run"
    """Whether to post the run's end, or its outcomes while it goes on, in batches."""
    send: TellWhen = "always"
    """Which runs are posted, or which outcomes: all, those that changed something or failed, or failures alone."""
    max_failures: int = Field(default=5, ge=0, le=100)
    """How many failed rows the run's end names."""
    template: str | None = Field(default=None, min_length=1)
    """A jinja2 template of the body, relative to the config's folder."""
    content_type: str = Field(default="application/json", pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+( *;[ -~]*)?$")
    """What the template writes. Where that is JSON, it is checked to be."""
    values_env: Mapping[ValueName, Variable] = Field(default_factory=dict)
    """Secrets that the template writes as `values.NAME`, by the environment variables that hold them."""
    values_secret: Mapping[ValueName, str] = Field(default_factory=dict)
    """The same, by the names or ARNs of secrets in AWS Secrets Manager."""
    timeout_s: float = Field(default=10.0, gt=0, le=25)

    @field_validator("url")
    @classmethod
    def _safe_url(cls, url: str | None) -> str | None:
        if url is not None and not is_safe_url(url):
            raise ValueError("must be an https URL; plain http is for this machine alone")
        if url is not None and "@" in urlsplit(url).netloc:
            raise ValueError("has a password in it: keep the URL in a variable or a secret, and name that")
        return url

    @model_validator(mode="after")
    def _one_of_each(self) -> WebhookSettings:
        if sum(map(bool, (self.url, self.url_env, self.url_secret))) > 1:
            raise ValueError("`url`, `url_env` and `url_secret` exclude each other")
        if self.signing_key_env and self.signing_key_secret:
            raise ValueError("`signing_key_env` and `signing_key_secret` exclude each other")
        if both := sorted(set(self.values_env) & set(self.values_secret)):
            raise ValueError(f"`values_env` and `values_secret` both have {', '.join(both)}")
        return self

    @model_validator(mode="after")
    def _template_or_nothing(self) -> WebhookSettings:
        given = {"values_env": self.values_env, "values_secret": self.values_secret}
        if not self.template:
            for name, value in given.items():
                if value:
                    raise ValueError(f"`{name}` is for a template, and there is none: set `template`")
            if self.content_type != "application/json":
                raise ValueError("`content_type` is for a template, and there is none: set `template`")
        return self

    @property
    def is_json(self) -> bool:
        """Whether what is posted has to be JSON."""
        return self.content_type.partition(";")[0].strip().endswith(("/json", "+json"))

    def secrets(self) -> Iterator[str]:
        """Return the secrets in AWS Secrets Manager."""
        yield from filter(None, (self.url_secret, self.signing_key_secret, *self.values_secret.values()))

    def where(self, client: ClientFactory) -> SecretValue:
        """Return the URL. Raises `ValueError` where its variable isn't set or holds none."""
        what = "the webhook's URL"
        if self.url_secret:
            return secret_from_manager(self.url_secret, client, what, url=True)
        if self.url is None:
            return secret_from_environment(self.url_env or URL_VARIABLE, what, url=True)
        found = SecretStr(self.url)

        async def fetch() -> SecretStr:
            return found

        return fetch

    def signing_key(self, client: ClientFactory) -> SecretValue | None:
        """Return the key to sign with. None where a template writes for a service that checks no signature."""
        what = "the webhook's signing key"
        if self.signing_key_secret:
            return secret_from_manager(self.signing_key_secret, client, what)
        if self.signing_key_env or not self.template:
            return secret_from_environment(self.signing_key_env or KEY_VARIABLE, what)
        return None

    def values(self, client: ClientFactory) -> dict[str, SecretValue]:
        """Return the secrets that the template writes. Raises `ValueError` where a variable isn't set."""
        found = {name: secret_from_environment(held, _what(name)) for name, held in self.values_env.items()}
        found |= {name: secret_from_manager(held, client, _what(name)) for name, held in self.values_secret.items()}
        return found


def _what(name: str) -> str:
    return f"the value {name} of the webhook's template"
