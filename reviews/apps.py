from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from core import gates, outbox
        from reviews import guards, tasks

        reads = ("review_of__actions", "review_of__approved_by")
        gates.register(
            "release.close", "review_approved", guards.review_not_approved, label="Review approved",
            because=guards.review_approved, prefetch=reads,
        )  # fmt: skip
        gates.register(
            "release.close", "actions_owned", guards.actions_unowned, label="Action items owned and dated",
            because=guards.actions_owned, prefetch=reads,
        )  # fmt: skip
        gates.register("review.submit", "written", guards.unwritten, label="Outcome and summary")
        gates.register("review.approve", "written", guards.unwritten, label="Outcome and summary")
        gates.register("action.accept", "owned", guards.unowned, label="Owner and date")

        outbox.on(("release.released", "release.rolled_back"), consumer="reviews.open", run=tasks.open_review)
        outbox.on("release.review_opened", consumer="reviews.collect", run=tasks.collect)
