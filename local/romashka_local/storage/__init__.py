"""Storage: buckets and objects as rows under policies, their contents as files on disk."""

from romashka_local.storage.app import open_storage

__all__ = ["open_storage"]
