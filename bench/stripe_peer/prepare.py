"""`python -m bench.stripe_peer.prepare <secret>`: tables, and the rows without which dj-stripe would call Stripe.

Prints the path of the webhook.
"""

import sys

import django
from django.core.management import call_command


def main(secret: str) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    from django.conf import settings
    from djstripe.models import Account, APIKey, WebhookEndpoint

    account = Account.objects.create(id="acct_bench", livemode=False, stripe_data={"type": "standard"})
    APIKey.objects.create(
        id="mk_bench", type="secret", livemode=False, secret=settings.STRIPE_TEST_SECRET_KEY,
        djstripe_owner_account=account,
    )  # fmt: skip
    endpoint = WebhookEndpoint.objects.create(
        id="we_bench", livemode=False, enabled_events=["*"], secret=secret, status="enabled",
        url="https://app.example.com/stripe/webhook", djstripe_owner_account=account,
    )  # fmt: skip
    print(f"/stripe/webhook/{endpoint.djstripe_uuid}/")


if __name__ == "__main__":
    main(sys.argv[1])
