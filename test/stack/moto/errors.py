"""Lambda's own errors, as its API returns them. The texts are imitations: tests should look at the names."""

from moto.core.exceptions import JsonRESTError


class InvalidParameter(JsonRESTError):
    code = 400

    def __init__(self, message):
        super().__init__("InvalidParameterValueException", message)


class Conflict(JsonRESTError):
    code = 409

    def __init__(self, message):
        super().__init__("ResourceConflictException", message)


class NotFound(JsonRESTError):
    code = 404

    def __init__(self):
        super().__init__("ResourceNotFoundException", "The resource you requested does not exist.")


class PreconditionFailed(JsonRESTError):
    code = 412

    def __init__(self):
        super().__init__("PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId.")
