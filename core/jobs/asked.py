"""What a caller asks of a job, made ready before anything of it is written."""

from dataclasses import dataclass
from typing import Any

from core import models
from core.context import Context
from core.options import Options
from core.webhooks import own as own_webhook


@dataclass(frozen=True)
class Asked:
    options: Options
    model: str
    webhook: own_webhook.Prepared | None

    @property
    def kept(self) -> dict[str, Any]:
        """The options as the job keeps and shows them."""
        found = self.options.model_dump(mode="json", exclude={"participants", "webhook"})
        return {**found, "webhook": self.webhook.shown if self.webhook else None}


def ask(context: Context, options: Options) -> Asked:
    """Raises UnknownModel, InvalidRequest `webhook_forbidden`, Unavailable `no_installation_key`."""
    model = models.resolve(options.model or context.settings.model, context.settings).name
    return Asked(options, model, own_webhook.prepared(context, options.webhook))


def with_secret(shown: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Of its webhook, where it was made here: shown this one time."""
    if asked.webhook is None or asked.webhook.minted is None:
        return shown
    webhook = {**asked.webhook.shown, "secret": asked.webhook.minted}
    return {**shown, "options": {**shown["options"], "webhook": webhook}}
