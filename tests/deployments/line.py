"""A pipeline of four environments with a release under test, as the tests of pipelines, promotion and queues know it."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from core.blockers import Refused
from deployments.actions import deployment as doors
from deployments.models import Deployment
from releases.models import Phase
from tests.factories import accounts, releases
from tests.factories import deployments as shipping


@dataclass
class Line:
    """A release under test, its product's environments by name, who deploys and who manages."""

    release: object
    test: object
    eu: object
    us: object
    production: object
    deployer: object
    manager: object

    @property
    def product(self):
        return self.release.product

    def verify(self, *environments, ago_minutes: int = 0, **fields) -> Deployment:
        at = timezone.now() - timedelta(minutes=ago_minutes)
        for environment in environments:
            made = shipping.deployment(
                self.release,
                environment,
                "succeeded",
                **({"started_at": at, "verified_at": at, "ended_at": at} | fields),
            )
        return made

    def phase(self, *environments, name="Canaries", **fields) -> Phase:
        made = Phase.objects.create(product=self.product, name=name, **fields)
        for environment in environments:
            environment.phase = made
            environment.save()
        return made

    def automatic(self, *environments, **fields) -> Phase:
        return self.phase(*environments, is_automatic=True, automated_by=self.manager, **fields)

    def deploy(self, environment) -> Deployment:
        return doors.deploy(self.release.pk, environment.pk, actor=self.deployer)

    def refused(self, environment) -> list:
        before = Deployment.objects.count()
        with pytest.raises(Refused) as refusal:
            self.deploy(environment)
        assert Deployment.objects.count() == before
        return refusal.value.blockers

    def codes(self, environment) -> list[str]:
        return [b.code for b in self.refused(environment)]


def make() -> Line:
    product = releases.product("Payments API", slug="payments")
    environments = releases.pipeline(product, "Test", "EU", "US", "Production")
    for environment in environments:
        shipping.hook(environment, name="Ship", driver="tool", config={"does": "ship"})
        shipping.quick(environment)
    release = releases.release(product, state="testing", version="4.8.0")
    return Line(
        release,
        *environments,
        accounts.person("dana", roles=["deployer"], on=product),
        accounts.person("maren", roles=["release-manager"], on=product),
    )
