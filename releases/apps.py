from django.apps import AppConfig
from django.db.models import Prefetch


class ReleasesConfig(AppConfig):
    name = "releases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from core import gates
        from releases import collisions, conflicts
        from releases.gates import answers
        from releases.models import Change, Release
        from releases.states import OPEN, WENT_LIVE

        for kind, finder in collisions.FINDERS:
            conflicts.find_also(kind, finder)
        live = Release.objects.filter(state__in=WENT_LIVE).only("pk", "product_id", "version")
        carried = Change.objects.filter(release__state__in=OPEN).select_related("release")
        table = answers(
            Prefetch("product__releases", live, to_attr="live_releases"),
            Prefetch("product__changes", carried, to_attr="open_changes"),
        )
        # It reads tables of its own, so it stands above the models; `gates` stands below them.
        table["release.plan"]["conflicts"] = ("Conflicts", conflicts.in_the_way, conflicts.because, conflicts.parts)
        for transition, named in table.items():
            for name, (label, find, because, prefetch) in named.items():
                gates.register(transition, name, find, label=label, because=because, prefetch=prefetch)
