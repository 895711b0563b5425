"""What the API files of approvals share."""


def given(serializer_class, request) -> dict:
    """The validated body. Raises DRF's ValidationError, answered by 400 with the fields."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
