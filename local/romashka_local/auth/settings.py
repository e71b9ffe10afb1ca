"""What `[auth]` of `config.toml` decides, with the Supabase CLI's defaults."""

import string
from dataclasses import dataclass

from romashka_local.config import StackConfig
from romashka_local.errors import StackError

_LETTERS = string.ascii_lowercase + string.ascii_uppercase
_SYMBOLS = "!@#$%^&*()_+-=[]{};'\\:\"|<>?,./`~"
_REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "": (),
    "letters_digits": (_LETTERS, string.digits),
    "lower_upper_letters_digits": (
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
    ),
    "lower_upper_letters_digits_symbols": (
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
        _SYMBOLS,
    ),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The rules of one auth server."""

    issuer: str
    jwt_expiry_seconds: int
    signup_enabled: bool
    anonymous_enabled: bool
    email_enabled: bool
    autoconfirm: bool
    minimum_password_length: int
    required_characters: tuple[str, ...]
    rotation_enabled: bool
    reuse_interval_seconds: int


def read_settings(config: StackConfig) -> Settings:
    """Return the settings of `config`.

    Raises:
        StackError: a value has the wrong type or is not supported; the message names it.
    """
    requirements = config.checked_setting("auth.password_requirements", "")
    if requirements not in _REQUIREMENTS:
        raise StackError(
            f"unable to use auth.password_requirements = {requirements!r};"
            f" it can be one of {', '.join(filter(None, _REQUIREMENTS))}"
        )
    return Settings(
        issuer=config.checked_setting("auth.jwt_issuer", "") or f"{config.api_url}/auth/v1",
        jwt_expiry_seconds=config.checked_setting("auth.jwt_expiry", 3600),
        signup_enabled=config.checked_setting("auth.enable_signup", True),
        anonymous_enabled=config.checked_setting("auth.enable_anonymous_sign_ins", False),
        email_enabled=config.checked_setting("auth.email.enable_signup", True),
        autoconfirm=not config.checked_setting("auth.email.enable_confirmations", False),
        # GoTrue refuses to go below 6.
        minimum_password_length=max(6, config.checked_setting("auth.minimum_password_length", 6)),
        required_characters=_REQUIREMENTS[requirements],
        rotation_enabled=config.checked_setting("auth.enable_refresh_token_rotation", True),
        reuse_interval_seconds=config.checked_setting("auth.refresh_token_reuse_interval", 10),
    )
