"""Coming in and going out."""

from django.contrib.auth.views import LoginView, LogoutView

from accounts.forms import SignInForm


class SignIn(LoginView):
    """Django's sign-in: a new session key, a `next` of our own host alone; a refused form is a 422."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    """By POST alone."""
