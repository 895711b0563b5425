"""Secrets at rest."""

from cryptography.fernet import Fernet

from core.secrets import EncryptedTextField

field = EncryptedTextField()


def test_a_secret_is_not_stored_as_it_is_and_comes_back_as_it_was():
    stored = field.get_prep_value("hush")
    assert "hush" not in stored
    assert field.from_db_value(stored, None, None) == "hush"
    assert field.get_prep_value("hush") != stored, "the same secret looks different each time"


def test_a_secret_outlives_a_change_of_the_key_while_the_old_one_is_named(settings):
    stored = field.get_prep_value("hush")
    settings.SECRET_KEY, old = "another key", settings.SECRET_KEY
    assert field.from_db_value(stored, None, None) == ""
    settings.SECRET_KEY_FALLBACKS = [old]
    assert field.from_db_value(stored, None, None) == "hush"
    renewed = field.get_prep_value("hush")
    settings.SECRET_KEY_FALLBACKS = []
    assert field.from_db_value(renewed, None, None) == "hush", "new secrets use the new key"


def test_rubbish_and_another_s_key_give_no_secret():
    for stored in ("rubbish", "ä", Fernet(Fernet.generate_key()).encrypt(b"x").decode()):
        assert field.from_db_value(stored, None, None) == ""
    assert field.from_db_value("", None, None) == ""
