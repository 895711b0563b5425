"""API of people, teams, roles and tokens. Everyone signed in sees people and teams by name; the doors decide who changes them."""

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts import actions, policy, scopes
from accounts.api.hours import HoursSerializer, answer_hours, change_hours_of
from accounts.models import ApiToken, Grant, Team, User
from accounts.roles import ROLES


class PersonSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["id", "username", "first_name", "last_name", "email", "timezone", "is_service", "is_active"]
        read_only_fields = ["username", "is_service"]


class NewPersonSerializer(serializers.ModelSerializer):
    """A person who cannot sign in before they have a password, or a service account, which never does."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "timezone", "is_service"]
        extra_kwargs = {"username": {"validators": [User.username_validator]}}  # that it is free, the door tells


class MeSerializer(PersonSerializer):
    rights = serializers.SerializerMethodField()

    class Meta(PersonSerializer.Meta):
        fields = [*PersonSerializer.Meta.fields, "rights"]

    def get_rights(self, user: User) -> dict[str, list[str]]:
        """Rights by scope; "" is everywhere."""
        return {scope: sorted(rights) for scope, rights in policy.rights_of(user).items()}


class TeamSerializer(serializers.ModelSerializer):
    class Meta:
        model = Team
        fields = ["id", "name", "slug", "lead", "members"]
        read_only_fields = ["slug"]
        extra_kwargs = {"name": {"validators": []}, "members": {"required": False}}


class GrantSerializer(serializers.ModelSerializer):
    """A role held by a person or a team, on a scope such as product:3, or everywhere where the scope is empty."""

    role = serializers.ChoiceField([(role.slug, role.name) for role in ROLES.values()])

    class Meta:
        model = Grant
        fields = ["id", "role", "scope", "user", "team", "given_by", "given_at"]
        read_only_fields = ["given_by", "given_at"]
        validators = []  # giving twice is harmless
        extra_kwargs = {"scope": {"default": ""}, "user": {"default": None}, "team": {"default": None}}

    def validate_scope(self, scope: str) -> str:
        if not scopes.exists(scope):
            raise serializers.ValidationError("There is no such scope.")
        return scope

    def validate(self, data: dict) -> dict:
        if (data["user"] is None) == (data["team"] is None):
            raise serializers.ValidationError("Name either a user or a team.")
        return data


class TokenSerializer(serializers.ModelSerializer):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "hint", "user", "created_at", "expires_at", "last_used_at"]
        read_only_fields = ["hint", "user", "created_at", "last_used_at"]


class NewTokenSerializer(TokenSerializer):
    """`secret` is told this once. `owner` is a service account; without it, the token is one's own."""

    owner = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_service=True), required=False, write_only=True
    )
    secret = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "owner", "secret"]


class MeViewSet(viewsets.GenericViewSet):
    """Who is asking, and what they may."""

    serializer_class = MeSerializer
    queryset = User.objects.none()
    pagination_class = None
    filter_backends = []

    @extend_schema(operation_id="me", responses=MeSerializer(many=False))
    def list(self, request):
        """Oneself, with all rights by scope."""
        return Response(MeSerializer(request.user).data)

    @extend_schema(operation_id="me_hours", responses=HoursSerializer)
    @action(detail=False, methods=["get"])
    def hours(self, request):
        """One's own working hours; Monday to Friday, 9 to 17, until others are set."""
        return answer_hours(request.user)

    @extend_schema(operation_id="me_hours_change", request=HoursSerializer, responses=HoursSerializer)
    @hours.mapping.patch
    def change_own_hours(self, request):
        """Change one's own working hours."""
        return change_hours_of(request.user, request)


class PersonViewSet(mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """People and service accounts. Setting `is_active` to false takes sessions, tokens and rights away at once."""

    serializer_class = PersonSerializer
    queryset = User.objects.all()
    filterset_fields = ["username", "is_service", "is_active", "teams"]
    http_method_names = ["get", "post", "patch", "head", "options"]

    @extend_schema(operation_id="person_hours", responses=HoursSerializer)
    @action(detail=True, methods=["get"])
    def hours(self, request, pk: str):
        """Somebody's working hours, in their time zone."""
        return answer_hours(self.get_object())

    @extend_schema(operation_id="person_hours_change", request=HoursSerializer, responses=HoursSerializer)
    @hours.mapping.patch
    def change_hours(self, request, pk: str):
        """Change the working hours of somebody: of a member of a team one leads, or with the right to manage people."""
        return change_hours_of(self.get_object(), request)

    @extend_schema(request=NewPersonSerializer, responses={201: PersonSerializer})
    def create(self, request):
        """Add somebody."""
        serializer = NewPersonSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = actions.add_person(actor=request.user, **serializer.validated_data)
        return Response(PersonSerializer(user).data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer):
        serializer.instance = actions.change_person(
            serializer.instance.pk, actor=self.request.user, **serializer.validated_data
        )


class TeamViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Teams. Their members have the roles given to the team."""

    serializer_class = TeamSerializer
    queryset = Team.objects.prefetch_related("members")
    filterset_fields = ["slug", "members"]
    http_method_names = ["get", "post", "patch", "head", "options"]

    def perform_create(self, serializer):
        serializer.instance = actions.add_team(actor=self.request.user, **serializer.validated_data)

    def perform_update(self, serializer):
        """Name and lead first, then the members: two doors, each whole."""
        team, data, actor = serializer.instance, serializer.validated_data, self.request.user
        if data.keys() & {"name", "lead"}:
            actions.change_team(
                team.pk, actor=actor, name=data.get("name", team.name), lead=data.get("lead", team.lead)
            )
        if "members" in data:
            actions.set_team_members(team.pk, data["members"], actor=actor)
        serializer.instance = Team.objects.get(pk=team.pk)


class GrantViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """Roles as given: everywhere, and on the products in the reader's sight."""

    serializer_class = GrantSerializer
    queryset = Grant.objects.none()
    filterset_fields = ["role", "scope", "user", "team"]

    def get_queryset(self):
        return scopes.grants_seen_by(self.request.user)

    def perform_create(self, serializer):
        data = serializer.validated_data
        serializer.instance = actions.give_role(
            data["role"], actor=self.request.user, user=data["user"], team=data["team"], scope=data["scope"]
        )

    def perform_destroy(self, instance):
        actions.take_role(instance.pk, actor=self.request.user)


class TokenViewSet(mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """One's own tokens, and those of service accounts for those who keep people. Making one takes a session, not a token."""

    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    filterset_fields = ["user"]
    http_method_names = ["get", "post", "delete", "head", "options"]

    def get_queryset(self):
        own = Q(user=self.request.user.pk)
        keeps_people = policy.may(self.request.user, actions.MANAGE)
        return ApiToken.objects.filter(own | Q(user__is_service=True) if keeps_people else own)

    @extend_schema(request=NewTokenSerializer, responses={201: NewTokenSerializer})
    def create(self, request):
        """Make a token."""
        if isinstance(request.auth, ApiToken):
            raise PermissionDenied("A token does not make tokens: one that leaked would outlive its end.")
        serializer = NewTokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token, secret = actions.create_token(actor=request.user, **serializer.validated_data)
        return Response(TokenSerializer(token).data | {"secret": secret}, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance):
        actions.revoke_token(instance.pk, actor=self.request.user)
