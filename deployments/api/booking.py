"""API of bookings: which environment is taken when. Deployments make and end them."""

from rest_framework import serializers, viewsets

from deployments.models import Booking


class BookingSerializer(serializers.ModelSerializer):
    """An environment taken for a deployment between two instants (UTC); no two active ones overlap."""

    class Meta:
        model = Booking
        fields = ["id", "environment", "deployment", "starts_at", "ends_at", "is_active"]


class BookingViewSet(viewsets.ReadOnlyModelViewSet):
    """Bookings in the reader's sight."""

    queryset = Booking.objects.none()
    serializer_class = BookingSerializer
    filterset_fields = ["environment", "environment__product", "is_active"]

    def get_queryset(self):
        return Booking.objects.visible_to(self.request.user).order_by("-pk")


ROUTES = [("bookings", BookingViewSet, "booking")]
