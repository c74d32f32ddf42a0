"""The code of functions.

moto 5.2.5 returns a Code.Location that nobody serves, keeps an inline package nowhere, takes a missing S3 object as an empty one and
the newest version of an object whatever version is named.
AWS returns a presigned address, good for ten minutes, and refuses a bucket or key that is not there. Here every package becomes an
object in a bucket of moto's own S3.

Where moto enforces policies it looks for credentials in the headers alone, and fails on a presigned address, which has them in its query.
AWS takes such an address as what it is: here it holds without a look at the policies, since nobody but this module makes one.
"""

import uuid

import boto3
from botocore.config import Config
from moto.awslambda import models
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

from errors import InvalidParameter


def apply(base_url):
    function = models.LambdaFunction
    set_code, get_code = function._set_function_code, function.get_code

    def set_function_code(self, spec):
        if spec is not self.code and spec.get("DryRun"):
            return
        from_bucket = "S3Key" in spec and "ZipFile" not in spec
        key = required_object(self, spec) if from_bucket else None
        set_code(self, spec)
        if key is not None and spec.get("S3ObjectVersion"):  # moto takes the newest one
            self.code_bytes, self.code_size, self.code_sha_256, self.code_digest = models._s3_content(key)
        if spec.get("Architectures"):  # moto forgets it on update
            self.architectures = spec["Architectures"]
        store(self)

    def with_location(self):
        response = get_code(self)
        if self.package_type == "Zip":
            response["Code"] = {"RepositoryType": "S3", "Location": presigned(self, base_url)}
        return response

    function._set_function_code = set_function_code
    function.get_code = with_location

    authorize = S3Response._authenticate_and_authorize_s3_action

    def authorize_unless_presigned(self, *args, **kwargs):
        if "X-Amz-Signature=" not in self.uri:
            authorize(self, *args, **kwargs)

    S3Response._authenticate_and_authorize_s3_action = authorize_unless_presigned


def required_object(function, spec):
    s3 = s3_backends[function.account_id][function.partition]
    try:
        s3.get_bucket(spec["S3Bucket"])
    except Exception:
        raise refused("NoSuchBucket", "The specified bucket does not exist")
    version = spec.get("S3ObjectVersion")
    key = s3.get_object(spec["S3Bucket"], spec["S3Key"], version_id=version)
    if key is None:
        raise refused("NoSuchVersion" if version else "NoSuchKey", "The specified key does not exist.")
    return key


def refused(code, message):
    return InvalidParameter(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}")


def bucket_of(function):
    return f"awslambda-{function.region}-tasks"


def store(function):
    s3 = s3_backends[function.account_id][function.partition]
    try:
        s3.get_bucket(bucket_of(function))
    except Exception:
        s3.create_bucket(bucket_of(function), function.region)
    function.code_key = f"{function.function_name}/{uuid.uuid4()}"
    s3.put_object(bucket_of(function), function.code_key, function.code_bytes, disable_notification=True)


def presigned(function, base_url):
    s3 = boto3.client(
        "s3",
        endpoint_url=base_url,
        region_name=function.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    return s3.generate_presigned_url("get_object", Params={"Bucket": bucket_of(function), "Key": function.code_key}, ExpiresIn=600)
