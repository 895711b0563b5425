"""What the API files of deployments share: rows that are named by id, of those that the reader may see."""

from rest_framework import serializers

from releases.models import Environment, Product, Release


class SeenReleaseField(serializers.PrimaryKeyRelatedField):
    """A release in the reader's sight, by its id; any other is answered like one that is not there."""

    queryset = Release.objects.all()

    def get_queryset(self):
        return Release.objects.visible_to(self.context["request"].user)


class SeenEnvironmentField(serializers.PrimaryKeyRelatedField):
    """An environment of a product in the reader's sight, by its id; any other is answered like one that is not there."""

    queryset = Environment.objects.all()

    def get_queryset(self):
        return Environment.objects.filter(product__in=Product.objects.visible_to(self.context["request"].user))
