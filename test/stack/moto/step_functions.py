"""Step Functions: with its setting on, moto 5.2.5 plays definitions. It evaluates no JSONata: here a port of the reference implementation
does. And it differs from AWS in three points about distributed maps:

- ToleratedFailurePercentage must have a fraction. AWS accepts whole numbers: here they get one.
- A map run succeeds whatever its children did. AWS fails it with States.ExceedToleratedFailureThreshold once more items have failed than
  are tolerated, by default none. (AWS also stops the other children then, which this does not.)
- `total` counts the items that have begun, and `pending` none. AWS counts all of them, and those that have not begun.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

The interpreter is loaded by the first request to it: that takes longer than all the rest of moto.
"""

import re

import jsonata
from moto.core.config import default_user_config
from moto.stepfunctions import responses

WHOLE_PERCENTAGE = re.compile(r'("ToleratedFailurePercentage"\s*:\s*\d+)(?=\s*[,}])')
THRESHOLD = "The specified tolerated failure threshold was exceeded"


def apply():
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    get_backend = responses.get_backend

    def get_corrected_backend(account, region):
        correct()
        return get_backend(account, region)

    responses.get_backend = get_corrected_backend


corrected = False


def correct():
    global corrected
    if corrected:
        return
    corrected = True
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component as maps
    from moto.stepfunctions.parser.asl.jsonata import jsonata as expressions
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    expressions._eval_jsonata = lambda expression: jsonata.Jsonata(expression).evaluate(None)

    parse = AmazonStateLanguageParser.parse
    AmazonStateLanguageParser.parse = staticmethod(lambda definition: parse(WHOLE_PERCENTAGE.sub(r"\1.0", definition)))

    run = maps.DistributedIterationComponent._map_run

    def run_and_judge(self, env, eval_input):
        record = eval_input.map_run_record
        items = env.stack[-1]
        record.describe = with_pending(record.describe, len(items))
        run(self, env, eval_input)
        counts = record.describe()["itemCounts"]
        failed = counts["failed"] + counts["timedOut"]
        share = 100 * failed / max(1, len(items))
        if failed > eval_input.tolerated_failure_count and share > eval_input.tolerated_failure_percentage:
            raise beyond_tolerance(env)

    maps.DistributedIterationComponent._map_run = run_and_judge


def with_pending(describe, total):
    def described():
        output = describe()
        begun = output["itemCounts"]["total"]
        for counts in (output["itemCounts"], output["executionCounts"]):
            counts.update(total=total, pending=total - begun)
        return output

    return described


def beyond_tolerance(env):
    from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    error = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
    details = EventDetails(mapRunFailedEventDetails=MapRunFailedEventDetails(error=error.error_name, cause=THRESHOLD))
    return FailureEventException(
        FailureEvent(env=env, error_name=error, event_type=HistoryEventType.MapRunFailed, event_details=details)
    )
