"""Event source mappings of DynamoDB streams.

moto 5.2.5 wants the stream's table in its own DynamoDB, runs the function itself, takes the same pair twice and returns few defaults.
Here any stream is accepted (its table lives in DynamoDB Local), nothing is run, and limits, conflicts and defaults are as documented.
"""

import json
import re

from moto.awslambda import models

from errors import Conflict, InvalidParameter, NotFound

STREAM = re.compile(r"arn:aws[\w-]*:dynamodb:[\w-]+:\d{12}:table/[^/]+/stream/.+")

LIMITS = {
    "BatchSize": (1, 10000),
    "ParallelizationFactor": (1, 10),
    "MaximumRetryAttempts": (-1, 10000),
    "MaximumRecordAgeInSeconds": (-1, 604800),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "TumblingWindowInSeconds": (0, 900),
}

DEFAULTS = {
    "BatchSize": 100,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumBatchingWindowInSeconds": 0,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}


def apply():
    backend = models.LambdaBackend
    create, update = backend.create_event_source_mapping, backend.update_event_source_mapping

    def create_mapping(self, spec):
        if not STREAM.match(spec.get("EventSourceArn") or ""):
            return create(self, spec)
        arn = function_arn(self, spec["FunctionName"])
        if spec.get("StartingPosition") not in ("TRIM_HORIZON", "LATEST"):
            raise InvalidParameter("Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
        validate(spec)
        for mapping in self._event_source_mappings.values():
            if mapping.event_source_arn == spec["EventSourceArn"] and mapping.function_arn == arn:
                raise Conflict(
                    f"The event source arn (\" {spec['EventSourceArn']} \") and function (\" {spec['FunctionName']} \") provided mapping"
                    f" already exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
                )
        made = models.EventSourceMapping(
            {**DEFAULTS, **spec, "RegionName": self.region_name, "AccountId": self.account_id, "FunctionArn": arn}
        )
        self._event_source_mappings[made.uuid] = made
        return made

    def update_mapping(self, uuid, spec):
        if uuid not in self._event_source_mappings:
            raise NotFound()
        validate(spec)
        changed = update(self, uuid, spec)
        if spec.get("FunctionName"):
            changed.function_arn = function_arn(self, spec["FunctionName"])
        return changed

    def list_mappings(self, event_source_arn, function_name):
        mappings = list(self._event_source_mappings.values())
        if function_name:
            arn = function_arn(self, function_name)
            mappings = [mapping for mapping in mappings if mapping.function_arn == arn]
        return [mapping for mapping in mappings if not event_source_arn or mapping.event_source_arn == event_source_arn]

    backend.create_event_source_mapping = create_mapping
    backend.update_event_source_mapping = update_mapping
    backend.list_event_source_mappings = list_mappings


def function_arn(backend, name):
    """A mapping shows the alias or version that was set, and none otherwise."""
    function = backend._lambdas.get_function_by_name_or_arn_with_qualifier(name)
    bare = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{function.function_name}"
    qualifier = name.split(":function:")[-1].split(":")[1:]
    return bare if qualifier in ([], ["$LATEST"]) else f"{bare}:{qualifier[0]}"


def validate(spec):
    for name, (low, high) in LIMITS.items():
        if name in spec and not low <= spec[name] <= high:
            raise InvalidParameter(f"{name} must be between {low} and {high}")
    for pattern in (spec.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            json.loads(pattern["Pattern"])
        except ValueError:
            raise InvalidParameter("Invalid filter pattern definition.")
