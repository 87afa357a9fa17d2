"""A real S3 server on loopback, started once, and a bucket in it."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest
from counting_proxy import CountingProxy

from maskforge.remote import announcement, store

__all__ = ["bucket", "client", "proxy", "reader", "said"]

BUCKET = "radiographs"


@pytest.fixture(scope="session")
def proxy():
    server = pytest.importorskip("moto.server", reason="NO S3: moto is not installed")
    pytest.importorskip("s3fs", reason="NO S3: s3fs is not installed")
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    proxy = CountingProxy(*moto.get_host_and_port())
    yield proxy
    proxy.close()
    moto.stop()


@pytest.fixture
def said(tmp_path, monkeypatch):
    """A cache of its own, short delays, and whatever is announced."""
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "DELAYS", (0.0, 0.0))
    said: list[str] = []
    announcement.listen(said.append)
    yield said
    announcement.listen(lambda sentence: None)


@pytest.fixture(scope="session")
def client(proxy):
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=proxy.url, **keys)
    yield client
    client.close()


@pytest.fixture
def bucket(proxy, client, said, monkeypatch):
    """An empty bucket, as its own client sees it."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    proxy.cuts, proxy.method, proxy.after = 0, "GET", 2000
    client.create_bucket(Bucket=BUCKET)
    yield Bucket(client)
    proxy.cuts = 0
    Bucket(client).remove_all()
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def reader(bucket, proxy, monkeypatch):
    """Go on as a user who may only read."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    iam = pytest.importorskip("boto3").client("iam", endpoint_url=proxy.url, **keys)
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="reading", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    _look_at_permissions(proxy, after="0")
    yield key["SecretAccessKey"]
    _look_at_permissions(proxy, after="inf")


def _look_at_permissions(proxy, after):
    """Let the server look at permissions after so many requests."""
    place, kind = f"{proxy.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    with urllib.request.urlopen(urllib.request.Request(place, after.encode(), kind)):
        pass


class Bucket:
    def __init__(self, client):
        self._client = client

    def put(self, key, content):
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def put_all(self, folder, start):
        for name, content in contents(folder).items():
            self.put(f"{start}/{name}".lstrip("/"), content)

    def remove(self, key):
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def all(self, start=""):
        listed = self._client.list_objects_v2(Bucket=BUCKET, Prefix=start).get("Contents", [])
        return {
            one["Key"].removeprefix(start): self._client.get_object(Bucket=BUCKET, Key=one["Key"])[
                "Body"
            ].read()
            for one in listed
        }

    def remove_all(self):
        listed = self._client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        if listed:
            keys = [{"Key": one["Key"]} for one in listed]
            self._client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
