"""Auth: the part of GoTrue that needs no mail, SMS or other provider, on the real `auth` schema."""

from romashka_local.auth.app import open_auth

__all__ = ["open_auth"]
