"""The configuration of functions: fields that moto 5.2.5 drops or does not change, and RevisionId, which it does not have.

AWS gives each state of a function a RevisionId and refuses a change that names another one (PreconditionFailedException).
"""

import uuid

from moto.awslambda import models

from errors import PreconditionFailed

KEPT = ("DeadLetterConfig", "LoggingConfig", "FileSystemConfigs")


def apply():
    function = models.LambdaFunction
    init, configuration, update, update_code, set_code = (
        function.__init__,
        function.get_configuration,
        function.update_configuration,
        function.update_function_code,
        function._set_function_code,
    )

    def with_kept_fields(self, account_id, spec, region, version=1):
        self.kept = {name: spec[name] for name in KEPT if name in spec}
        self.revision = str(uuid.uuid4())
        init(self, account_id, spec, region, version)

    def get_configuration(self, on_create=False):
        return {**configuration(self, on_create), **self.kept, "RevisionId": self.revision}

    def update_configuration(self, updates):
        require_revision(self, updates)
        update(self, updates)
        self.kept = {**self.kept, **{name: updates[name] for name in KEPT if name in updates}}
        if "TracingConfig" in updates:
            self.tracing_config = updates["TracingConfig"]
        if "EphemeralStorage" in updates:
            self.ephemeral_storage = updates["EphemeralStorage"]["Size"]
        if "KMSKeyArn" in updates:
            self.kms_key_arn = updates["KMSKeyArn"]
        self.revision = str(uuid.uuid4())
        return self.get_configuration()

    def update_function_code(self, spec):
        require_revision(self, spec)
        return update_code(self, {name: value for name, value in spec.items() if name != "RevisionId"})

    def set_function_code(self, spec):
        set_code(self, spec)
        self.revision = str(uuid.uuid4())

    def update_once(self, function_name, qualifier, body):
        """moto applies the same update twice, which makes the second one stale."""
        response = self.get_function(function_name, qualifier).update_function_code(body)
        if not body.get("Publish") or body.get("DryRun"):
            return response
        return self.publish_version(function_name).get_configuration()

    function.__init__ = with_kept_fields
    function.get_configuration = get_configuration
    function.update_configuration = update_configuration
    function.update_function_code = update_function_code
    function._set_function_code = set_function_code
    models.LambdaBackend.update_function_code = update_once


def require_revision(function, spec):
    if spec.get("RevisionId") and spec["RevisionId"] != function.revision:
        raise PreconditionFailed()
