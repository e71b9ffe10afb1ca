"""Who may touch which file: policies, public buckets and signed URLs."""

import time

import jwt
import psycopg
import pytest
from romashka_local.keys import DEFAULT_JWT_SECRET, Keys
from storage3.exceptions import StorageApiError

from tests.local.storage_client import ADA, EVE, Storage


@pytest.fixture(autouse=True)
async def _adas_file(storage: Storage) -> None:
    """There is a file of Ada's, `<her id>/a.txt`."""
    await storage.user(ADA).from_("files").upload(f"{ADA}/a.txt", b"Ada's")


async def test_owners_do_with_their_files_what_they_like(storage: Storage) -> None:
    """Every operation is allowed by a policy of its own."""
    bucket = storage.user(ADA).from_("files")
    await bucket.update(f"{ADA}/a.txt", b"new")
    await bucket.copy(f"{ADA}/a.txt", f"{ADA}/b.txt")
    await bucket.move(f"{ADA}/b.txt", f"{ADA}/c.txt")
    listed = await bucket.list(ADA)
    content = await bucket.download(f"{ADA}/c.txt")
    removed = await bucket.remove([f"{ADA}/a.txt"])
    with psycopg.connect(storage.database_url) as database:
        owners = database.execute("select owner::text, owner_id from storage.objects").fetchall()

    assert content == b"new"
    assert [entry["name"] for entry in listed] == ["a.txt", "c.txt"]
    assert len(removed) == 1
    assert owners == [(ADA, ADA)]


async def test_a_stranger_sees_and_changes_nothing(storage: Storage) -> None:
    """Each operation on another one's file fails as if it were not there, or is forbidden."""
    bucket, name = storage.user(EVE).from_("files"), f"{ADA}/a.txt"
    attempts = {
        "download": bucket.download(name),
        "info": bucket.info(name),
        "sign": bucket.create_signed_url(name, 60),
        "sign upload": bucket.create_signed_upload_url(f"{ADA}/new.txt"),
        "upload": bucket.upload(f"{ADA}/new.txt", b"Eve's"),
        "replace": bucket.upload(name, b"Eve's", {"upsert": "true"}),
        "move": bucket.move(name, f"{EVE}/a.txt"),
        "copy": bucket.copy(name, f"{EVE}/a.txt"),
    }
    statuses = {}
    for attempt, call in attempts.items():
        with pytest.raises(StorageApiError) as refused:
            await call
        statuses[attempt] = refused.value.status
    listed, removed = await bucket.list(ADA), await bucket.remove([name])

    assert statuses == {
        "download": "404",
        "info": "404",
        "sign": "404",
        "sign upload": "403",
        "upload": "403",
        "replace": "403",
        "move": "404",
        "copy": "404",
    }
    assert (listed, removed) == ([], [])
    assert await storage.user(ADA).from_("files").download(name) == b"Ada's"
    assert len(storage.files()) == 1


async def test_nobody_moves_a_file_into_anothers_folder(storage: Storage) -> None:
    """The policy judges the row as it would be afterwards."""
    with pytest.raises(StorageApiError) as refused:
        await storage.user(ADA).from_("files").move(f"{ADA}/a.txt", f"{EVE}/a.txt")

    assert refused.value.status == "403"
    assert refused.value.message == "new row violates row-level security policy"


@pytest.mark.parametrize(
    "token", [None, "nonsense", Keys("x" * 40).service_role_key, Keys().sign({"exp": 1})]
)
async def test_without_a_valid_token_only_public_files_are_served(
    storage: Storage, token: str | None
) -> None:
    """A website shows the logo to everybody, and no attachment to anybody."""
    await storage.admin.from_("logos").upload("logo.png", b"logo")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    get, post = storage.http.get, storage.http.post
    public = await get("/object/public/logos/logo.png", headers=headers)
    plain = await get("/object/logos/logo.png", headers=headers)
    refused = [
        await get(f"/object/files/{ADA}/a.txt", headers=headers),
        await get(f"/object/public/files/{ADA}/a.txt", headers=headers),
        await get(f"/object/authenticated/files/{ADA}/a.txt", headers=headers),
        await get(f"/object/info/public/files/{ADA}/a.txt", headers=headers),
        await post("/object/logos/new.png", content=b"x", headers=headers),
        await post("/object/list/logos", json={"prefix": ""}, headers=headers),
        await get("/bucket", headers=headers),
    ]

    assert public.content == plain.content == b"logo"
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    assert {answer.json()["statusCode"] for answer in refused} == {"403", "404"}


async def test_a_signed_url_opens_one_file_without_a_token(storage: Storage) -> None:
    """A customer opens the attachment from a link in an e-mail."""
    bucket = storage.user(ADA).from_("files")
    signed = await bucket.create_signed_url(f"{ADA}/a.txt", 60, {"download": "letter.txt"})
    answer = await storage.http.get(signed["signedURL"])
    other = signed["signedURL"].replace("a.txt", "b.txt")

    assert answer.content == b"Ada's"
    assert "filename=letter.txt" in answer.headers["content-disposition"]
    assert (await storage.http.get(other)).json()["error"] == "InvalidSignature"


async def test_many_urls_are_signed_at_once_each_on_its_own(storage: Storage) -> None:
    """One missing file does not spoil the list."""
    bucket = storage.user(ADA).from_("files")
    first, second = await bucket.create_signed_urls([f"{ADA}/a.txt", f"{ADA}/missing.txt"], 60)

    assert first["error"] is None
    assert (await storage.http.get(first["signedURL"])).content == b"Ada's"
    assert second["signedURL"] is None
    assert second["error"]


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": int(time.time()) - 5}, "InvalidJWT"),
        ({"scope": "upload"}, "InvalidSignature"),
        ({"scope": None}, "InvalidSignature"),
        ({"url": "files/other.txt"}, "InvalidSignature"),
    ],
)
async def test_a_token_for_something_else_opens_nothing(
    storage: Storage, claims: dict[str, object], error: str
) -> None:
    """An expired link, a link to another file, a token that was made for another purpose."""
    url = f"files/{ADA}/a.txt"
    good = {"url": url, "scope": "download", "exp": int(time.time()) + 60}
    answers = []
    for payload in (good, good | claims):
        token = jwt.encode(payload, DEFAULT_JWT_SECRET)
        answers.append(await storage.http.get(f"/object/sign/{url}", params={"token": token}))

    assert answers[0].status_code == 200
    assert answers[1].json()["error"] == error


async def test_a_signed_upload_url_takes_one_file_from_anybody(storage: Storage) -> None:
    """The widget uploads with a URL that the team's server made, and cannot replace with it."""
    bucket = storage.user(ADA).from_("files")
    signed = await bucket.create_signed_upload_url(f"{ADA}/new.txt")
    anybody = storage._client("nonsense").from_("files")
    await anybody.upload_to_signed_url(f"{ADA}/new.txt", signed["token"], b"from the widget")
    with pytest.raises(StorageApiError) as again:
        await anybody.upload_to_signed_url(f"{ADA}/new.txt", signed["token"], b"again")
    with pytest.raises(StorageApiError) as elsewhere:
        await anybody.upload_to_signed_url(f"{ADA}/other.txt", signed["token"], b"elsewhere")
    with psycopg.connect(storage.database_url) as database:
        owner = database.execute(
            "select owner_id from storage.objects where name like '%new.txt'"
        ).fetchone()

    assert await bucket.download(f"{ADA}/new.txt") == b"from the widget"
    assert again.value.status == "409"
    assert elsewhere.value.code == "InvalidSignature"
    assert owner == (ADA,)


def test_rows_are_deleted_through_the_api_alone(module_db: str) -> None:
    """The hosted platform refuses it too: the file would stay behind, with nothing naming it."""
    with (
        psycopg.connect(module_db) as database,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="Use the Storage API"),
    ):
        database.execute("delete from storage.objects")
