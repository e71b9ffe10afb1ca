"""The types under which files of conversations are stored: a browser runs none of them."""

UNKNOWN_TYPE = "application/octet-stream"
INERT_TYPES = frozenset(
    (
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/heic",
        "image/heif",
        "image/tiff",
        "audio/aac",
        "audio/amr",
        "audio/flac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/opus",
        "audio/wav",
        "audio/webm",
        "audio/x-m4a",
        "audio/x-wav",
        "audio/3gpp",
        "video/3gpp",
        "video/3gpp2",
        "video/mp4",
        "video/mpeg",
        "video/ogg",
        "video/quicktime",
        "video/webm",
        "video/x-matroska",
        "video/x-msvideo",
        "text/plain",
        "text/csv",
        "text/calendar",
        "text/vcard",
        "application/octet-stream",
        "application/pdf",
        "application/json",
        "application/rtf",
        "application/ogg",
        "application/zip",
        "application/gzip",
        "application/x-7z-compressed",
        "application/vnd.rar",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
    )
)
"""As the bucket allows them (1520_attachments.sql); whatever else a file is, it is bytes."""


def inert_type(told: str) -> str:
    """Return the type under which a file is stored, whatever somebody says that it is."""
    essence = told.partition(";")[0].strip().lower()
    return essence if essence in INERT_TYPES else UNKNOWN_TYPE
